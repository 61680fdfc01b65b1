"""The outcome for people: aligned, short."""

from __future__ import annotations

from typing import Any

from ringfence.entry.demo.evidence import usd
from ringfence.entry.demo.outcome import Outcome

_KEPT = (
    "direction", "from_number", "to_number", "flow_version", "tags", "captured", "disposition",
    "end_reason", "billed_seconds",
)  # fmt: skip

_SIDES = {"sell": "tenant pays", "buy": "carrier asks"}
_UNTOLD = ("leg.created", "leg.answered", "leg.ended")


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
    """A line for each node with its outcome, and one for each event that is no verb's or leg's."""
    rows: list[list[str]] = []
    nodes: dict[str, list[str]] = {}
    for item in outcome.timeline:
        at, data = f"{item['seconds']:7.3f} s", item["data"]
        if item["kind"] == "verb.started":
            nodes[data["node"]] = [at, f"  {data['node']:<10}{data['verb']}"]
            rows.append(nodes[data["node"]])
        elif item["kind"] == "verb.ended":
            nodes[data["node"]].append(f" -> {data['outcome']}")
        elif item["kind"] not in _UNTOLD:
            rows.append([at, item["note"]])
    return ["Timeline", *(f"  {at}  {''.join(words)}" for at, *words in rows)] if rows else []


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
    lines = sorted(outcome.ledger, key=lambda item: (item["leg"] or "", item["side"]))
    rows = [_charge(item) for item in lines]
    wallet = outcome.wallet
    change = f"{usd(wallet['before_micros'])} before, {usd(wallet['after_micros'])} after"
    return ["Ledger", *rows, f"  {'wallet':<8}{change}"]


def _charge(item: dict[str, Any]) -> str:
    """Whose, how much, and the steps of the calculation by name of the rule that made them."""
    why = item["explanation"]
    steps = {step["what"]: step for step in why["steps"]}
    fee = steps["connection_fee"]["micros"] if "connection_fee" in steps else 0
    return (
        f"  {item['leg'] or '-':<8}{_SIDES[item['side']]:<14}{usd(item['amount_micros'])}  "
        f"{steps['used']['seconds']} s used, {why['billed_seconds']} s billed, "
        f"fee {usd(fee)} ({why['rule']})"
    )


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
