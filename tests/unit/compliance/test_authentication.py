"""The state machine of a case: nothing but an allowed proof lets call detail be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfence.domains.compliance.rules.authentication import (
    SPOKEN,
    TABLE,
    Attempts,
    Case,
    Channel,
    Event,
    State,
    advance,
    at,
    may_discuss_named,
    may_tell,
)

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
S, E = State, Event
MINUTE = timedelta(minutes=1)


def run(*steps: Event | float, channel: Channel = Channel.PHONE) -> tuple[Case, datetime]:
    """A case after events, with minutes between them; what cannot happen changes nothing."""
    case, now = Case(channel, START), START
    for step in steps:
        if isinstance(step, Event):
            case = advance(case, step, now) or case
        else:
            now += step * MINUTE
    return case, now


def tells(*steps: Event | float, channel: Channel = Channel.PHONE) -> bool:
    case, now = run(*steps, channel=channel)
    return may_tell(case, now)


@pytest.mark.parametrize(
    "steps",
    [
        (E.PASSWORD_RIGHT,),
        (E.PASSWORD_RIGHT, 14.9),
        (E.PASSWORD_WRONG, E.BACKUP_WRONG, E.BACKUP_RIGHT),
        (E.CALLBACK_ORDER, 30, E.CALLBACK_PLACE, 9.9, E.CODE_RIGHT, 14.9),
        (E.CALLBACK_ORDER, E.CALLBACK_PLACE, E.CODE_WRONG, E.CODE_WRONG, E.CODE_RIGHT),
        (E.LOCK, E.CALLBACK_ORDER, E.CALLBACK_PLACE, E.CODE_RIGHT),
        (E.CONTRACT,),
    ],
)
def test_what_proves(steps: tuple[Event | float, ...]) -> None:
    assert tells(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (E.PASSWORD_WRONG,),
        (E.PASSWORD_RIGHT, 15),
        (E.PASSWORD_RIGHT, 15, E.PASSWORD_RIGHT),
        (E.PASSWORD_RIGHT, E.CLOSE),
        (E.PASSWORD_RIGHT, E.MAIL_ORDER),
        (E.LOCK, E.PASSWORD_RIGHT),
        (E.LOCK, 60, E.BACKUP_RIGHT),
        (E.CALLBACK_ORDER,),
        (E.CALLBACK_ORDER, E.CODE_RIGHT),
        (E.CALLBACK_ORDER, E.CALLBACK_PLACE),
        (E.CALLBACK_PLACE, E.CODE_RIGHT),
        (E.CODE_RIGHT,),
        (E.CALLBACK_ORDER, E.CALLBACK_PLACE, 10, E.CODE_RIGHT),
        (E.CALLBACK_ORDER, E.CALLBACK_PLACE, *(E.CODE_WRONG,) * 3, E.CODE_RIGHT),
        (E.CALLBACK_ORDER, E.CALLBACK_PLACE, 10, E.CALLBACK_PLACE, E.CODE_RIGHT),
        (E.CALLBACK_ORDER, E.CALLBACK_PLACE, 10, E.CALLBACK_ORDER, E.CALLBACK_PLACE, E.CODE_RIGHT),
        (E.MAIL_ORDER, E.MAIL_SEND),
        (E.MAIL_ORDER, E.PASSWORD_RIGHT),
        (E.MAIL_ORDER, E.MAIL_SEND, E.PASSWORD_RIGHT),
        (E.PHOTO_ID,),
        (24 * 60, E.PASSWORD_RIGHT),
    ],
)
def test_what_proves_nothing(steps: tuple[Event | float, ...]) -> None:
    assert not tells(*steps)


def test_each_channel_has_its_proofs() -> None:
    assert tells(E.PHOTO_ID, channel=Channel.IN_STORE)
    assert not tells(E.PHOTO_ID, channel=Channel.ONLINE)
    back = (E.CALLBACK_ORDER, E.CALLBACK_PLACE, E.CODE_RIGHT)
    assert tells(*back)
    assert not tells(*back, channel=Channel.ONLINE)
    assert not tells(*back, channel=Channel.IN_STORE)


def test_what_is_named_is_discussed_while_the_case_is_open_on_the_telephone() -> None:
    for steps, channel, expected in (
        ((), Channel.PHONE, True),
        ((E.PASSWORD_WRONG,), Channel.PHONE, True),
        ((), Channel.ONLINE, False),
        ((), Channel.IN_STORE, False),
        ((E.CLOSE,), Channel.PHONE, False),
        ((E.MAIL_ORDER,), Channel.PHONE, False),
        ((24 * 60,), Channel.PHONE, False),
    ):
        assert may_discuss_named(*run(*steps, channel=channel)) is expected, steps


def test_every_state_has_a_row_and_the_end_has_none() -> None:
    assert set(TABLE) == set(State)
    assert TABLE[S.CLOSED] == {}
    into = {(state, event) for state, row in TABLE.items() for event in row if row[event] in SPOKEN}
    asking = {S.OPENED, S.PASSWORD_FAILED, S.BACKUP_FAILED}
    proofs = {E.PASSWORD_RIGHT, E.BACKUP_RIGHT, E.PHOTO_ID, E.CONTRACT}
    assert into == {(state, event) for state in asking for event in proofs} | {
        (S.CALLBACK_PLACED, E.CODE_RIGHT)
    }


@dataclass
class Judge:
    """The rule once more, by what happened: when was the last proof that held?"""

    channel: Channel
    proof: datetime | None = None
    ordered: bool = False
    placed: datetime | None = None
    wrong: int = 0
    dead: bool = False
    """Nothing that the caller says counts any more."""
    locked: bool = False

    def see(self, event: Event, now: datetime) -> None:
        if self.dead:
            return
        if event in (E.CLOSE, E.MAIL_ORDER, E.EXPIRE):
            self.dead, self.proof = True, None
        elif self.proof is not None:
            return
        elif event is E.LOCK and not self.ordered:
            self.locked = True
        elif event in (E.PASSWORD_RIGHT, E.BACKUP_RIGHT, E.CONTRACT) or (
            event is E.PHOTO_ID and self.channel is Channel.IN_STORE
        ):
            if not self.locked and not self.ordered:
                self.proof = now
        elif event is E.CALLBACK_ORDER and self.channel is Channel.PHONE:
            self.ordered = True
        elif event is E.CALLBACK_PLACE and self.ordered and self.placed is None:
            self.placed = now
        elif event in (E.CODE_RIGHT, E.CODE_WRONG) and self.placed is not None:
            if self.wrong >= 3 or now - self.placed >= 10 * MINUTE:
                return
            if event is E.CODE_RIGHT:
                self.proof = now
            self.wrong += event is E.CODE_WRONG

    def allows(self, now: datetime) -> bool:
        return self.proof is not None and now - self.proof < 15 * MINUTE


STEPS = st.lists(
    st.tuples(st.sampled_from(list(Event)), st.sampled_from([0, 0, 1, 5, 9, 10, 14, 15, 60])),
    max_size=14,
)


@settings(max_examples=1500, deadline=None)
@given(channel=st.sampled_from(list(Channel)), steps=STEPS)
@example(
    channel=Channel.PHONE,
    steps=[(E.CALLBACK_ORDER, 0), (E.CALLBACK_PLACE, 9), (E.CODE_RIGHT, 0)],
)
def test_no_course_of_events_tells_without_a_proof(
    channel: Channel, steps: list[tuple[Event, int]]
) -> None:
    case, judge, now = Case(channel, START), Judge(channel), START
    for event, minutes in steps:
        case = advance(case, event, now) or case
        judge.see(event, now)
        assert not may_tell(case, now) or judge.allows(now), (event, case)
        now += minutes * MINUTE
        assert not may_tell(case, now) or judge.allows(now), (minutes, case)
    if now - START < 24 * 60 * MINUTE:
        assert may_tell(case, now) == judge.allows(now), "and a proof that holds is enough"


@given(state=st.sampled_from(list(State)), minutes=st.integers(0, 10_000))
def test_time_alone_proves_nothing(state: State, minutes: int) -> None:
    case = Case(Channel.PHONE, START, state, proved_at=START, code_at=START)
    later = at(case, START + minutes * MINUTE)
    assert later.state is state or later.state in (S.EXPIRED, S.CALLBACK_FAILED)


def test_five_failures_lock_for_a_quarter_of_an_hour() -> None:
    attempts = Attempts()
    for count in range(1, 5):
        attempts = attempts.failed(START)
        assert (attempts.failures, attempts.locked(START)) == (count, False)
    attempts = attempts.failed(START)
    assert attempts.locked(START + timedelta(minutes=14, seconds=59))
    over = START + timedelta(minutes=15)
    assert not attempts.locked(over)
    assert attempts.failed(over) == Attempts(1, None), "and the count begins again"
