"""What the events of a call add up to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ringfence.domains.calls.rules.call_record import (
    CallRecord,
    billed_seconds,
    call_record,
    disposition,
)
from ringfence.kernel.events import CallEvent, EventKind, SealedParty

CALL, TENANT, NUMBER, TRUNK = (UUID(int=n) for n in range(1, 5))
CALLER, CALLEE = UUID(int=10), UUID(int=11)
START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
EPOCH_MICROS = 1_795_348_800_000_000

Step = tuple[float, str, dict[str, Any]]
ANSWERED: list[Step] = [
    (
        0.0,
        "call.started",
        {
            "direction": "inbound",
            "trunk": TRUNK.hex,
            "to": "+1202",
            "country_code": "1",
            "area": "415",
        },
    ),
    (0.0, "leg.created", {"leg": CALLER.hex, "role": "caller", "transport": "udp"}),
    (0.1, "call.routed", {"number": NUMBER.hex, "verbs": ["dial"]}),
    (0.1, "leg.created", {"leg": CALLEE.hex, "role": "callee", "transport": "tls", "cipher": "X"}),
    (1.0, "leg.progress", {"leg": CALLEE.hex, "status": 180, "early_media": False}),
    (2.0, "leg.progress", {"leg": CALLEE.hex, "status": 183, "early_media": True}),
    (5.0, "leg.answered", {"leg": CALLEE.hex, "codec": "PCMU"}),
    (5.0, "call.answered", {"leg": CALLEE.hex}),
    (
        15.2,
        "leg.ended",
        {
            "leg": CALLEE.hex,
            "by": "remote",
            "q850": 16,
            "media": {
                "codec": "PCMA",
                "rx_packets": 510,
                "tx_packets": 509,
                "rx_lost": 3,
                "rx_jitter_ms": 1.5,
                "rtt_ms": None,
                "mos": 4.4,
            },
        },
    ),
    (15.2, "call.ended", {"reason": "callee_hangup", "by": "callee", "q850": 16}),
]


PARTIES = {
    1: (SealedParty(CALLER, b"call"), None),
    2: (SealedParty(CALLER, b"caller leg"), None),
    4: (None, SealedParty(CALLEE, b"callee leg")),
}


def events(steps: list[Step]) -> list[CallEvent]:
    return [
        CallEvent(
            CALL,
            seq,
            EPOCH_MICROS + round(after * 1_000_000),
            EventKind(kind),
            TENANT if seq > 2 else None,
            data,
            *PARTIES.get(seq, (None, None)),
        )
        for seq, (after, kind, data) in enumerate(steps, 1)
    ]


def record(steps: list[Step]) -> CallRecord:
    return call_record(events(steps))


def test_an_answered_call() -> None:
    call = record(ANSWERED)
    assert (call.tenant_id, call.number_id, call.trunk_id) == (TENANT, NUMBER, TRUNK)
    assert (call.caller_id, call.caller_sealed) == (CALLER, b"call")
    assert (call.callee_id, call.callee_sealed, call.dialled) == (None, None, "+1202")
    assert (call.country_code, call.area, call.direction) == ("1", "415", "inbound")
    assert call.started_at == START
    assert call.answered_at == START + timedelta(seconds=5)
    assert call.ended_at == START + timedelta(seconds=15.2)
    assert (call.disposition, call.end_reason, call.ended_by) == (
        "answered",
        "callee_hangup",
        "callee",
    )
    assert (call.billed_seconds, call.duration_ms, call.q850) == (11, 15_200, 16)
    caller, callee = call.legs
    assert (caller.role, caller.transport) == ("caller", "udp")
    assert (caller.party_id, caller.party_sealed) == (CALLER, b"caller leg")
    assert (callee.party_id, callee.party_sealed) == (CALLEE, b"callee leg")
    assert caller.answered_at == call.answered_at
    assert (callee.role, callee.transport, callee.cipher) == ("callee", "tls", "X")
    assert callee.ringing_at == START + timedelta(seconds=1)
    assert callee.answered_at == START + timedelta(seconds=5)
    assert (callee.codec, callee.rx_packets, callee.tx_packets) == ("PCMA", 510, 509)
    assert (callee.lost_packets, callee.jitter_ms, callee.rtt_ms, callee.mos) == (3, 1.5, None, 4.4)


def test_a_value_that_was_deleted_leaves_its_person() -> None:
    first, *rest = events(ANSWERED)
    erased = CallEvent(
        first.call, 1, first.at, first.kind, TENANT, {}, SealedParty(CALLER, b""), None
    )
    call = call_record([erased, *rest])
    assert (call.caller_id, call.caller_sealed) == (CALLER, None)


def test_a_dialled_number_that_is_not_the_tenants_comes_sealed() -> None:
    first = events(ANSWERED)[0]
    callee = SealedParty(CALLEE, b"called")
    call = call_record([CallEvent(CALL, 1, first.at, first.kind, TENANT, {}, None, callee)])
    assert (call.callee_id, call.callee_sealed, call.dialled) == (CALLEE, b"called", None)
    assert (call.caller_id, call.caller_sealed) == (None, None)


def test_an_answer_that_never_reached_the_caller_is_not_billed() -> None:
    """The answer was written, but the disk failed before it was safe: the caller got 503."""
    end = {"reason": "failed", "by": "system", "status": 503}
    call = record([*ANSWERED[:8], (60.0, "call.ended", end)])
    assert (call.disposition, call.answered_at, call.billed_seconds) == ("failed", None, 0)


def test_a_call_that_lives_has_no_end() -> None:
    for length in range(1, len(ANSWERED)):
        call = record(ANSWERED[:length])
        assert (call.disposition, call.end_reason, call.ended_at) == (None, None, None)
        assert call.billed_seconds == 0


def test_after_a_crash_usage_ends_at_the_last_heartbeat() -> None:
    end = {"reason": "engine_crash", "by": "system", "at_micros": EPOCH_MICROS + 9_000_000}
    call = record([*ANSWERED[:8], (60.0, "call.ended", end)])
    assert call.ended_at == START + timedelta(seconds=9)
    assert (call.disposition, call.billed_seconds, call.duration_ms) == ("answered", 4, 9_000)


def test_a_heartbeat_older_than_the_answer_bills_nothing() -> None:
    end = {"reason": "engine_crash", "by": "system", "at_micros": EPOCH_MICROS + 1_000_000}
    call = record([*ANSWERED[:8], (60.0, "call.ended", end)])
    assert (call.ended_at, call.billed_seconds) == (START + timedelta(seconds=5), 0)


def test_only_the_first_end_counts() -> None:
    again: Step = (99.0, "call.ended", {"reason": "engine_crash", "by": "system"})
    assert record([*ANSWERED, again]) == record(ANSWERED)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("busy", "busy"),
        ("no_answer", "no_answer"),
        ("caller_cancel", "cancelled"),
        ("caller_hangup", "cancelled"),
        ("callee_hangup", "failed"),
        ("rejected", "failed"),
        ("unreachable", "failed"),
        ("unroutable", "failed"),
        ("failed", "failed"),
        ("limit_reached", "failed"),
        ("max_duration", "failed"),
        ("media_timeout", "failed"),
        ("media_lost", "failed"),
        ("ack_missing", "failed"),
        ("shutdown", "failed"),
        ("engine_crash", "failed"),
        ("a reason of a later version", "failed"),
    ],
)
def test_disposition(reason: str, expected: str) -> None:
    assert disposition(reason, answered=False) == expected
    assert disposition(reason, answered=True) == "answered"


@pytest.mark.parametrize(
    ("seconds", "billed"),
    [(0, 0), (0.000001, 1), (1, 1), (1.000001, 2), (60, 60), (90_000.5, 90_001)],
)
def test_every_started_second_is_billed(seconds: float, billed: int) -> None:
    assert billed_seconds(START, START + timedelta(seconds=seconds)) == billed
    assert billed_seconds(None, START + timedelta(seconds=seconds)) == 0


def test_what_a_peer_wrote_cannot_break_a_record() -> None:
    odd: list[Step] = [
        (0, "call.started", {"to": "9" * 5000, "area": 415, "trunk": "no id", "direction": 7}),
        (0, "leg.ended", {"leg": "x"}),
        (0, "leg.ended", {"leg": CALLEE.hex}),
        (1, "call.ended", {"reason": "busy", "status": "486"}),
    ]
    call = record(odd)
    assert (call.dialled, call.area, call.trunk_id) == ("9" * 128, None, None)
    assert (call.disposition, call.sip_status, call.legs) == ("busy", None, ())


def test_no_events_make_no_record() -> None:
    with pytest.raises(ValueError, match="event"):
        call_record([])
