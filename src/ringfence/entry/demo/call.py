"""The demo call itself: placed, taken, listened to, and compared with its record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringfence.entry.demo_setup import Demo
from ringfence.entry.phone import Call, CallFailed, Phone
from ringfence.platform.settings import Settings, parse_listen

_CALLER_TONE, _CALLEE_TONE = 440, 1200
_TALK_SECONDS = 2.0
_KNOWN_SECONDS = 15.0
_RECORD_SECONDS = 20.0


@dataclass
class Outcome:
    """What was observed. ``checks``: name, ok, observed."""

    call_id: str | None = None
    timeline: list[dict[str, Any]] = field(default_factory=list)
    cdr: dict[str, Any] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    talked: float = 0.0
    """Seconds from the answer to the BYE at the caller's phone."""

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check["ok"] for check in self.checks)

    def check(self, name: str, ok: bool, observed: object) -> None:
        self.checks.append({"name": name, "ok": bool(ok), "observed": str(observed)})

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "call_id": self.call_id,
            "timeline": self.timeline,
            "cdr": self.cdr,
            "checks": self.checks,
        }


async def place_demo_call(
    settings: Settings, demo: Demo, caller_host: str, callee_host: str
) -> Outcome:
    """One call of a few seconds between two phones on loopback addresses."""
    outcome = Outcome()
    listen = next(
        item for item in map(parse_listen, settings.sip.listen) if item.transport == "udp"
    )
    host = "127.0.0.1" if listen.host == "0.0.0.0" else listen.host  # noqa: S104 - compared only
    caller_number = f"+1202555{secrets.randbelow(10_000):04}"
    async with (
        Phone(caller_host, user=caller_number) as alice,
        Phone(callee_host, demo.desk_port, user="desk") as bob,
    ):
        uri = f"sip:{demo.number}@{host}:{listen.port}"
        known = await _until_known(alice, uri) and await _until_known(bob, uri)
        outcome.check("the platform answers its trunks", known, "OPTIONS 200" if known else "none")
        if known:
            await _converse(outcome, alice, bob, uri)
    if outcome.ok:
        base = f"http://{settings.web.host}:{settings.web.port}/api/v1"
        await asyncio.to_thread(_compare, outcome, base, demo.secret, caller_number)
    return outcome


async def _until_known(phone: Phone, uri: str) -> bool:
    """New trunks reach signalling within seconds; until then it stays silent."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _KNOWN_SECONDS
    while loop.time() < deadline:
        answer = await phone.options(uri, within=0.6)
        if answer is not None and answer.status == 200:
            return True
    return False


async def _converse(outcome: Outcome, alice: Phone, bob: Phone, uri: str) -> None:
    out = await alice.dial(uri, tone=_CALLER_TONE)
    try:
        taken = await bob.incoming(within=5)
        taken.ring()
        status = await out.ringing(within=5)
        outcome.check("the caller hears that it rings", status == 180, f"{status} on the wire")
        taken.answer(tone=_CALLEE_TONE)
        await out.answered(within=5)
        await taken.acknowledged(within=5)
        outcome.check("the call is answered", True, "200 and ACK on both legs")
    except (TimeoutError, CallFailed) as error:
        outcome.check("the call is answered", False, f"{type(error).__name__}: {error}")
        return
    await asyncio.sleep(_TALK_SECONDS)  # the talk itself
    for name, call, tone in (
        ("the caller hears the callee's tone only", out, _CALLEE_TONE),
        ("the callee hears the caller's tone only", taken, _CALLER_TONE),
    ):
        heard = call.heard()
        outcome.check(name, heard.only(tone), _tones(heard.tones, heard.packets))
    status = await out.hangup()
    outcome.check("the hang-up is confirmed", status == 200, f"{status} to BYE")
    with contextlib.suppress(TimeoutError):
        await taken.ended(within=5)
    byes = len(taken.seen("BYE"))
    outcome.check("the callee's leg is ended once", byes == 1, f"{byes} BYE")
    outcome.talked = _talk_seconds(out)


def _tones(tones: dict[int, float], packets: int) -> str:
    named = ", ".join(f"{hertz} Hz" for hertz in tones) or "silence"
    return f"{named} in {packets} packets"


def _talk_seconds(out: Call) -> float:
    answer = out.seen(200, cseq="INVITE")[0].at
    return out.seen("BYE", sent=True)[0].at - answer


def _compare(outcome: Outcome, base: str, secret: str, caller: str) -> None:
    """Fetch the record and hold it against the wire."""
    talked = outcome.talked
    record = _record(base, secret, caller)
    if record is None:
        outcome.check("the call has a record", False, "none")
        return
    outcome.call_id, outcome.cdr = record["id"], record
    events = _get(f"{base}/calls/{record['id']}/events", secret)["events"]
    outcome.timeline = [
        {
            "seconds": datetime.fromisoformat(event["at"]).timestamp(),
            "kind": event["kind"],
            "note": _note(event["data"]),
        }
        for event in events
    ]
    numbers = [event["seq"] for event in events]
    outcome.check(
        "the journal is whole", numbers == list(range(1, len(events) + 1)), f"{len(events)} events"
    )
    reason = f"{record['disposition']}, {record['end_reason']}"
    outcome.check("the record says how it ended", reason == "answered, caller_hangup", reason)
    billed = record["billed_seconds"]
    right = talked - 0.2 <= billed < talked + 1.2
    outcome.check("billed as talked", right, f"{billed} s billed, {talked:.2f} s on the wire")
    lost = sum(leg["lost_packets"] or 0 for leg in record["legs"])
    outcome.check("two legs, nothing lost", len(record["legs"]) == 2 and not lost, f"{lost} lost")


def _note(data: dict[str, Any]) -> str:
    parts = [data.get(key) for key in ("role", "status", "codec", "reason")]
    parts += data.get("verbs") or []
    return " ".join(str(part) for part in parts if part)


def _record(base: str, secret: str, caller: str) -> dict[str, Any] | None:
    """The finished call of this caller, polled until the projector has made it."""
    query = urllib.parse.urlencode({"from_number": caller, "limit": 1})
    deadline = time.monotonic() + _RECORD_SECONDS
    while time.monotonic() < deadline:
        calls = _get(f"{base}/calls?{query}", secret)["calls"]
        if calls and calls[0]["ended_at"]:
            return _get(f"{base}/calls/{calls[0]['id']}", secret)
        time.sleep(0.1)
    return None


def _get(url: str, secret: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        result: dict[str, Any] = json.load(answer)
    return result
