"""The record of the call, asked of the public API and held against what the phones saw."""

from __future__ import annotations

import math
import time
import urllib.parse
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from ringfence.entry.demo.call import CALLER_TONE, DESK_TONE, Wire
from ringfence.entry.demo.graph import TAG, WAY, WEST, ZIP
from ringfence.entry.demo.outcome import Outcome
from ringfence.entry.demo.own_key import listen
from ringfence.entry.demo.prices import CURRENCY, PRICES, Price
from ringfence.entry.demo.receiver import Receiver
from ringfence.entry.demo.rest import ApiRefused
from ringfence.entry.demo.setup import EVENTS, Demo, balance
from ringfence.entry.phone.sound import FRAME, WINDOW, decode, tone_frames, tones_in
from ringfence.entry.stream import Event, told
from ringfence.platform.settings import Settings

T = TypeVar("T")
_WITHIN = 20.0
_LATER = 1_000_000
"""Events that are added to a call during or after it count from here."""
_NOT_GRANTED = "marketing"
_ROLE = {"inbound": "caller", "outbound": "callee"}


class Evidence:
    """Asks for everything about one call. ``about_*`` each note their checks."""

    def __init__(self, outcome: Outcome, demo: Demo, wire: Wire) -> None:
        self._outcome = outcome
        self._check = outcome.check
        self._demo = demo
        self._api = demo.api
        self._wire = wire

    def find(self, caller: str) -> bool:
        """The finished record of this caller's call."""
        query = urllib.parse.urlencode({"from_number": caller, "limit": 1})

        def ended() -> Any:
            calls = self._api.get(f"/calls?{query}")["calls"]
            return calls[0] if calls and calls[0]["ended_at"] else None

        summary = _eventually(ended)
        if summary is None:
            self._check("billed", False, "no finished record of the call")
            return False
        self._outcome.call_id = summary["id"]
        self._outcome.cdr = self._api.get(f"/calls/{summary['id']}")
        return True

    @property
    def _call(self) -> str:
        assert self._outcome.call_id is not None
        return self._outcome.call_id

    # --- the call ---------------------------------------------------------------------------------

    def about_call(self, asked_version: int, published: int | None) -> None:
        """Its record and timeline. ``published``: the version published while it went on."""
        record = self._outcome.cdr
        events = self._api.get(f"/calls/{self._call}/events")["events"]
        self._outcome.timeline = _timeline(events)
        numbers = [event["seq"] for event in events if event["seq"] < _LATER]
        way = tuple(e["data"]["node"] for e in events if e["kind"] == "verb.started")
        whole = numbers == list(range(1, len(numbers) + 1))
        self._check("timeline", whole and way == WAY, " > ".join(way) or "no node")
        version = record["flow_version"]
        self._outcome.flow = {"id": record["flow_id"], "version": version, "published": published}
        pinned = record["flow_id"] == self._demo.flow and version == asked_version
        self._check(
            "pinned",
            pinned and published == asked_version + 1,
            f"version {version}; {published} was published during the call",
        )
        entered, tag = (record["captured"] or {}).get("zip"), record["tags"].get(TAG)
        self._check("captured", (entered, tag) == (ZIP, WEST), f"ZIP {entered}, {TAG} {tag}")
        billed, talked = record["billed_seconds"], self._wire.caller
        allowed = {math.ceil(talked - 0.2), math.ceil(talked + 0.2)}
        self._check("billed", billed in allowed, f"{billed} s; {talked:.2f} s on the wire")
        legs = record["legs"]
        lost = sum(leg["lost_packets"] or 0 for leg in legs)
        self._check("media", len(legs) == 2 and not lost, f"{len(legs)} legs, {lost} lost")

    def about_live(self, seen: Sequence[Event]) -> None:
        """What the live stream told, against the timeline."""
        told_live = [event["seq"] for event in seen if event["call"] == self._call]
        kept = [event["seq"] for event in self._outcome.timeline if event["seq"] < _LATER]
        self._check(
            "live",
            bool(kept) and [seq for seq in told_live if seq < _LATER] == kept,
            f"{len(told_live)} events live, {len(kept)} in the timeline",
        )

    # --- money ------------------------------------------------------------------------------------

    def about_money(self, before: int) -> None:
        """Ledger lines of the call, and the wallet, which held ``before`` micros."""

        answered = sum(leg["answered_at"] is not None for leg in self._outcome.cdr["legs"])

        def settled() -> Any:
            entries, queued = self._charges()
            return (entries, queued) if len(entries) + len(queued) >= 2 * answered else None

        entries, queued = _eventually(settled) or self._charges()
        legs = {leg["role"]: leg["id"] for leg in self._outcome.cdr["legs"]}
        self._outcome.ledger = [_entry(entry, legs) for entry in entries]
        wire = {"inbound": self._wire.caller, "outbound": self._wire.desk}
        wrong = [p.name for p in PRICES if not self._charged(p, wire[p.direction])]
        told = f"{len(entries)} entries"
        told += f"; not as the wire says: {', '.join(wrong)}" if wrong else ", as the wire says"
        told += f"; in the error queue: {', '.join(sorted(queued))}" if queued else ""
        self._check("ledger", len(entries) == len(PRICES) and not wrong, told)
        after = balance(self._api)
        cost = sum(item["amount_micros"] for item in self._outcome.ledger if item["side"] == "sell")
        self._outcome.wallet = {
            "currency": CURRENCY,
            "before_micros": before,
            "after_micros": after,
        }
        self._check(
            "wallet",
            cost > 0 and before - after == cost,
            f"{usd(before)} - {usd(cost)} = {usd(after)}",
        )

    def _charges(self) -> tuple[list[dict[str, Any]], list[str]]:
        """The call's entries, and why others of it stand in the error queue."""
        entries = self._api.get(f"/ledger/entries?call={self._call}&limit=200")["entries"]
        waiting = self._api.get("/ledger/unrated?state=open&limit=200")["unrated"]
        return entries, [item["reason"] for item in waiting if item["call"] == self._call]

    def _charged(self, price: Price, wire_seconds: float) -> bool:
        found = [
            item
            for item in self._outcome.ledger
            if (item["side"], item["leg"]) == (price.kind, _ROLE[price.direction])
        ]
        return (
            len(found) == 1
            and found[0]["amount_micros"] in price.allowed(wire_seconds)
            and not found[0]["sum_micros"]
        )

    # --- the recording ----------------------------------------------------------------------------

    def about_recording(self, settings: Settings) -> None:
        """Its tracks through the API, and what lies in the store."""

        def stored() -> Any:
            found = self._api.get(f"/recordings?call={self._call}")["recordings"]
            return found[0] if found and found[0]["state"] == "stored" else None

        recording = _eventually(stored)
        if recording is None:
            self._check("recording", False, f"not stored in {_WITHIN:.0f} s")
            return
        self._outcome.recording = recording
        place = f"/recordings/{recording['id']}"
        wanted = {"caller": CALLER_TONE, "callee": DESK_TONE}
        key, id_ = self._demo.key, recording["id"]
        heard = {track: _tones_of(listen(self._api, id_, track, key)) for track in wanted}
        good = all(heard[track] == {wanted[track]} for track in wanted)
        told = ", ".join(f"{track} {sorted(tones)} Hz" for track, tones in heard.items())
        self._check("recording", good, f"{recording['basis']}; {told}")
        self._about_sealing(settings, place, wanted)
        try:
            self._api.read(f"{place}/audio?track=caller", Ringfence_Purpose=_NOT_GRANTED)
        except ApiRefused as error:
            refused = error.details == {"status": 403, "code": "purpose_refused"}
            told = f"{_NOT_GRANTED}: {error.details['status']} {error.details['code']}"
            self._check("purpose", refused, told)
        else:
            self._check("purpose", False, f"opened for {_NOT_GRANTED}")

    def _about_sealing(self, settings: Settings, place: str, tones: dict[str, int]) -> None:
        """The bytes that are kept hold no frame of what was said, as the API hands them out and as
        they lie in the store."""
        clear = [frame for hertz in tones.values() for frame in tone_frames(hertz, "PCMU")]
        objects = {track: self._api.read(f"{place}/tracks/{track}/object") for track in tones}
        folder = settings.storage_url.partition("file://")[2]
        files = _files(Path(folder), {len(data) for data in objects.values()}) if folder else []
        found = [data for data in objects.values() if data in files or not folder]
        readable = [d for d in (*objects.values(), *files) if any(frame in d for frame in clear)]
        large = all(len(data) > FRAME for data in objects.values())
        where = "in the store" if folder else "handed out"
        sizes = " + ".join(f"{len(data):,}" for data in objects.values())
        self._check(
            "sealed",
            large and len(found) == len(objects) and not readable,
            f"{sizes} bytes {where}, {'no' if not readable else 'A'} frame of it in clear",
        )

    # --- the webhook ------------------------------------------------------------------------------

    def about_webhook(self, receiver: Receiver) -> None:
        """What the receiver got."""
        secret = self._demo.secret
        if secret is None:
            self._check("webhook", False, self._demo.no_webhook)
            return
        got = receiver.of_call(self._call, frozenset(EVENTS), _WITHIN)
        self._outcome.webhooks = [
            {"type": m.type, "id": m.id, "verified": m.signed_by(secret)} for m in got
        ]
        good = {item["type"] for item in self._outcome.webhooks if item["verified"]} == set(EVENTS)
        forged = any(message.signed_by("whsec_" + "A" * 44) for message in got)
        types = ", ".join(sorted({m.type for m in got})) or "nothing"
        told = "signatures hold" if good and not forged else f"wanted {', '.join(EVENTS)}"
        self._check("webhook", good and not forged, f"{types}; {told}")


def usd(micros: int) -> str:
    """An amount for people."""
    return f"${micros / 1_000_000:.6f}"


def _eventually(ask: Callable[[], T | None]) -> T | None:
    deadline = time.monotonic() + _WITHIN
    while True:
        found = ask()
        if found is not None or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def _timeline(events: Sequence[Event]) -> list[dict[str, Any]]:
    first = datetime.fromisoformat(events[0]["at"]) if events else None
    return [
        {
            "seq": event["seq"],
            "at": event["at"],
            "seconds": round((datetime.fromisoformat(event["at"]) - first).total_seconds(), 3),
            "kind": event["kind"],
            "data": event["data"],
            "note": told(event["kind"], event["data"]),
        }
        for event in events
        if first is not None
    ]


def _entry(entry: dict[str, Any], legs: dict[str, str]) -> dict[str, Any]:
    """A ledger entry, whether it is what the tenant pays or what the carrier does, and how much."""
    amounts = {line["account"]: line["amount_micros"] for line in entry["lines"]}
    leg = entry["explanation"]["leg"]
    return entry | {
        "side": "sell" if "wallet" in amounts else "buy",
        "leg": next((role for role, id_ in legs.items() if id_ == leg), None),
        "amount_micros": -amounts.get("wallet", amounts.get("cost", 0)),
        "sum_micros": sum(amounts.values()),
    }


def _tones_of(audio: bytes) -> set[int]:
    """The tones of a WAV file, quiet parts left out, as a mu-law decoder of the phones hears it."""
    samples = _samples(audio)
    windows = [samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW + 1, WINDOW)]
    found = [tones for tones in map(tones_in, windows[:: max(1, len(windows) // 20)]) if tones]
    return set().union(*found[1:-1])  # the first and the last may begin or end within the tone


def _files(folder: Path, sizes: set[int]) -> list[bytes]:
    """Files of the object store that have one of these sizes."""
    return [f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.stat().st_size in sizes]


def _samples(audio: bytes) -> list[int]:
    """Of a WAV file of G.711 mu-law (RIFF format tag 7); none when it is something else."""
    at = audio.find(b"data")
    if audio[:4] != b"RIFF" or audio[20:22] != b"\x07\x00" or at < 0:
        return []
    return decode(audio[at + 8 :], "PCMU")
