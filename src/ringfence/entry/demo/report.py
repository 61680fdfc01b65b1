"""The outcome for people: aligned, short."""

from __future__ import annotations

from typing import Any

from ringfence.entry.demo.evidence import usd
from ringfence.entry.demo.outcome import Outcome

_KEPT = (
    "direction", "from_number", "to_number", "flow_version", "tags", "captured", "disposition",
    "end_reason", "billed_seconds",
)  # fmt: skip


def pretty(outcome: Outcome) -> str:
    """Timeline, record, recording, ledger, webhooks, checks, verdict."""
    parts = (
        [f"Call {outcome.call_id or '(has no record)'}"],
        _timeline(outcome),
        _record(outcome),
        _recording(outcome),
        _ledger(outcome),
        _webhooks(outcome),
        _checks(outcome),
    )
    return "\n" + "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _timeline(outcome: Outcome) -> list[str]:
    rows = [f"  {item['seconds']:7.3f} s  {item['note']}" for item in outcome.timeline]
    return ["Timeline", *rows] if rows else []


def _record(outcome: Outcome) -> list[str]:
    record = outcome.cdr
    if not record:
        return []
    rows = [f"  {key:<16}{_plain(record[key])}" for key in _KEPT]
    return ["Record", *rows, *(f"  {leg['role']:<16}{_leg(leg)}" for leg in record["legs"])]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


def _leg(leg: dict[str, Any]) -> str:
    mos = "-" if leg["mos"] is None else f"{leg['mos']:.2f}"
    return (
        f"{leg['codec']} over {leg['transport']}, {leg['rx_packets']} packets in, "
        f"{leg['tx_packets']} out, {leg['lost_packets']} lost, MOS {mos}"
    )


def _recording(outcome: Outcome) -> list[str]:
    found = outcome.recording
    if not found:
        return []
    rows = [
        f"  {track['track']:<16}{(track['duration_ms'] or 0) / 1000:.1f} s, "
        f"{track['bytes'] or 0:,} bytes sealed"
        for track in found["tracks"]
    ]
    return [f"Recording {found['id']} ({found['basis']})", *rows]


def _ledger(outcome: Outcome) -> list[str]:
    if not outcome.ledger:
        return []
    rows = []
    for item in outcome.ledger:
        why = item["explanation"]
        who = "tenant pays" if item["side"] == "sell" else "carrier asks"
        steps = ", ".join(step["what"] for step in why["steps"])
        rows.append(
            f"  {item['leg'] or '-':<8}{who:<14}{usd(item['amount_micros'])}  "
            f"{why['billed_seconds']} s billed: {steps} ({why['rule']})"
        )
    wallet = outcome.wallet
    change = f"{usd(wallet['before_micros'])} before, {usd(wallet['after_micros'])} after"
    return ["Ledger", *rows, f"  {'wallet':<8}{change}"]


def _webhooks(outcome: Outcome) -> list[str]:
    rows = [
        f"  {item['type']:<18}{item['id']}  "
        f"{'signature verified' if item['verified'] else 'SIGNATURE WRONG'}"
        for item in outcome.webhooks
    ]
    return ["Webhooks", *rows] if rows else []


def _checks(outcome: Outcome) -> list[str]:
    checks = outcome.checks
    rows = [
        f"  {'ok  ' if check['ok'] else 'FAIL'}  {check['name']}: {check['observed']}"
        for check in checks
    ]
    failed = sum(not check["ok"] for check in checks)
    verdict = (
        f"All {len(checks)} checks hold: the record agrees with the wire."
        if not failed
        else f"{failed} of {len(checks)} checks failed."
    )
    return ["Checks", *rows, "", verdict]
