"""What the events of a call that ran a flow, or was originated, add up to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.test_call_record import (
    CALL,
    CALLEE,
    CALLER,
    EPOCH_MICROS,
    NUMBER,
    START,
    TENANT,
    Step,
)

from ringfence.domains.calls.rules.call_record import CallRecord, call_record, disposition
from ringfence.kernel.events import CallEvent, EventKind, SealedParty

FLOW, PERSON = UUID(int=20), UUID(int=30)
MENU: list[Step] = [
    (0.0, "call.started", {"direction": "inbound", "to": "+1202"}),
    (0.0, "leg.created", {"leg": CALLER.hex, "role": "caller", "transport": "udp"}),
    (
        0.1,
        "call.routed",
        {"number": NUMBER.hex, "flow": FLOW.hex, "version": 3, "verbs": ["gather", "dial"]},
    ),
    (0.1, "verb.started", {"node": "menu", "flow": FLOW.hex, "verb": "gather"}),
    (0.2, "call.answered", {"leg": CALLER.hex}),
    (0.3, "leg.answered", {"leg": CALLER.hex, "codec": "PCMU"}),
    (3.0, "call.captured", {"names": ["zip"]}),
    (4.0, "call.captured", {"names": ["zip", "age"]}),
    (4.0, "verb.ended", {"node": "menu", "verb": "gather", "outcome": "digits:1"}),
    (4.0, "call.tagged", {"tags": {"team": "sales", "lang": "en"}}),
    (4.1, "verb.started", {"node": "ring", "flow": FLOW.hex, "verb": "dial"}),
    (4.1, "leg.created", {"leg": CALLEE.hex, "role": "callee", "transport": "udp"}),
    (6.0, "leg.answered", {"leg": CALLEE.hex, "codec": "PCMA"}),
    (9.0, "leg.bridged", {"leg": CALLEE.hex}),
    (9.5, "call.redirected", {"by": "api", "flow": UUID(int=21).hex, "version": 1}),
    (9.6, "call.tagged", {"tags": {"team": "support"}}),
    (12.0, "leg.bridged", {"leg": CALLEE.hex}),
    (15.2, "leg.ended", {"leg": CALLEE.hex, "by": "remote"}),
    (15.2, "leg.ended", {"leg": CALLER.hex, "by": "local"}),
    (15.2, "call.ended", {"reason": "completed", "by": "system"}),
]
CAPTURED = {7: SealedParty(PERSON, b"zip"), 8: SealedParty(PERSON, b"zip and age")}


def events(steps: list[Step]) -> list[CallEvent]:
    return [
        CallEvent(
            CALL,
            seq,
            EPOCH_MICROS + round(after * 1_000_000),
            EventKind(kind),
            TENANT,
            data,
            CAPTURED.get(seq),
        )
        for seq, (after, kind, data) in enumerate(steps, 1)
    ]


def record(steps: list[Step]) -> CallRecord:
    return call_record(events(steps))


def test_a_call_that_ran_a_flow() -> None:
    call = record(MENU)
    assert (call.number_id, call.flow_id, call.flow_version) == (NUMBER, FLOW, 3)
    assert call.answered_at == START + timedelta(seconds=0.2), "the platform answered"
    assert (call.disposition, call.end_reason) == ("answered", "completed")
    assert call.billed_seconds == 15
    assert call.tags == {"team": "support", "lang": "en"}, "the last value of a name"
    assert (call.captured_id, call.captured_sealed) == (PERSON, b"zip and age")
    caller, callee = call.legs
    assert (caller.answered_at, caller.codec) == (call.answered_at, "PCMU")
    assert caller.bridged_at is None
    assert callee.answered_at == START + timedelta(seconds=6)
    assert callee.bridged_at == START + timedelta(seconds=9)


def test_a_call_that_the_platform_began() -> None:
    steps: list[Step] = [
        (0.0, "call.started", {"direction": "outbound", "node": "node1"}),
        (0.0, "call.routed", {"flow": FLOW.hex, "version": 1, "verbs": ["say"]}),
        (0.1, "leg.created", {"leg": CALLEE.hex, "role": "callee"}),
        (5.0, "leg.answered", {"leg": CALLEE.hex, "codec": "PCMU"}),
        (5.0, "call.answered", {"leg": CALLEE.hex}),
        (9.0, "leg.ended", {"leg": CALLEE.hex, "by": "local"}),
        (9.0, "call.ended", {"reason": "completed", "by": "system"}),
    ]
    call = record(steps)
    assert (call.direction, call.number_id, call.flow_id) == ("outbound", None, FLOW)
    assert (call.disposition, call.billed_seconds) == ("answered", 4)
    assert call.legs[0].answered_at == START + timedelta(seconds=5)


def test_what_was_captured_and_erased_leaves_its_person() -> None:
    erased = [
        CallEvent(e.call, e.seq, e.at, e.kind, e.tenant, e.data, SealedParty(PERSON, b""))
        if e.kind is EventKind.CALL_CAPTURED
        else e
        for e in events(MENU)
    ]
    call = call_record(erased)
    assert (call.captured_id, call.captured_sealed) == (PERSON, None)


def test_a_caller_who_got_a_refusal_was_not_answered_on_the_leg_either() -> None:
    end = {"reason": "failed", "by": "system", "status": 503}
    call = record([*MENU[:6], (9.0, "call.ended", end)])
    assert (call.answered_at, call.billed_seconds) == (None, 0)
    assert [leg.answered_at for leg in call.legs] == [None]


@pytest.mark.parametrize("reason", ["completed", "flow_failed", "no_credit"])
def test_disposition_of_a_flow(reason: str) -> None:
    assert disposition(reason, answered=True) == "answered"
    assert disposition(reason, answered=False) == "failed"


@pytest.mark.parametrize(
    "tags", [None, 7, ["team"], {"team": 7}, {"": "x"}, {"n" * 300: "v" * 300}, {"a": {"b": "c"}}]
)
def test_odd_tags_cannot_break_a_record(tags: Any) -> None:
    call = record([*MENU[:3], (1.0, "call.tagged", {"tags": tags}), (2.0, "call.tagged", {})])
    assert all(len(name) <= 64 and len(value) <= 255 for name, value in call.tags.items())


OF_FLOWS = [event for event in events(MENU) if not event.kind.startswith("call.ended")]


@given(st.lists(st.sampled_from(OF_FLOWS[3:]), max_size=30), st.randoms())
def test_any_order_and_repetition_makes_a_record(later: list[CallEvent], chance: Any) -> None:
    """Events of a later engine may come in any order; what they say is still said once."""
    call = call_record([*OF_FLOWS[:3], *later])
    assert call_record([*OF_FLOWS[:3], *later, *later]).tags == call.tags
    kinds = {event.kind for event in later}
    assert (call.answered_at is not None) == (EventKind.CALL_ANSWERED in kinds)
    assert bool(call.tags) == (EventKind.CALL_TAGGED in kinds)
    assert (call.captured_sealed is not None) == (EventKind.CALL_CAPTURED in kinds)
    assert len(call.legs) == 1 + any(e.kind is EventKind.LEG_CREATED for e in later)
    assert (call.end_reason, call.disposition, call.billed_seconds) == (None, None, 0)
    assert (call.flow_id, call.flow_version) == (FLOW, 3), "a redirection changes no record"


@given(st.integers(0, len(MENU)))
def test_every_beginning_of_the_story_makes_a_record(length: int) -> None:
    """A later event never takes back what an earlier one said, but for the end."""
    if length == 0:
        return
    call, whole = record(MENU[:length]), record(MENU)
    assert (call.flow_id is None) == (length < 3)
    assert call.answered_at in (None, whole.answered_at)
    assert set(call.tags) <= set(whole.tags)
