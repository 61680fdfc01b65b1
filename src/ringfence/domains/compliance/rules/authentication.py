"""How a case proves that its caller is the customer, and what may then be told (47 CFR 64.2010).

Rules
1. Every transition stands in ``TABLE``; what does not stand there does not happen.
2. Call detail is told in the states ``SPOKEN`` alone, for ``PROOF_LASTS`` from the proof on.
3. Nothing leads from a failure, a lapse or the end of a proof back to where a proof is taken, but
   for a wrong password or answer, which may be tried again until the account is locked.
4. What is mailed is never told: ``MAIL_ORDERED`` leads to no state of ``SPOKEN``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

PROOF_LASTS = timedelta(minutes=15)
CASE_LASTS = timedelta(hours=24)
"""How long a case waits for a proof."""
CODE_LASTS = timedelta(minutes=10)
CODE_TRIES = 3
LOCK_AFTER, LOCK_LASTS = 5, timedelta(minutes=15)
"""Wrong passwords and answers of an account, over all its cases, and what follows."""


class Channel(StrEnum):
    """How the caller came."""

    PHONE = "phone"
    ONLINE = "online"
    IN_STORE = "in_store"


class State(StrEnum):
    """Where a case stands."""

    OPENED = "opened"
    PASSWORD_FAILED = "password_failed"  # noqa: S105 - a state
    BACKUP_FAILED = "backup_failed"
    LOCKED = "locked"
    BY_PASSWORD = "authenticated_by_password"  # noqa: S105 - a state
    BY_BACKUP = "authenticated_by_backup"
    BY_PHOTO_ID = "authenticated_by_photo_id"
    BY_CONTRACT = "authenticated_by_contract"
    CALLBACK_ORDERED = "callback_ordered"
    CALLBACK_PLACED = "callback_placed"
    CALLBACK_CONFIRMED = "callback_confirmed"
    CALLBACK_FAILED = "callback_failed"
    MAIL_ORDERED = "mail_ordered"
    MAILED = "mailed"
    EXPIRED = "expired"
    CLOSED = "closed"


class Event(StrEnum):
    """What happens to a case."""

    PASSWORD_RIGHT = "password_right"  # noqa: S105 - an event
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 - an event
    BACKUP_RIGHT = "backup_right"
    BACKUP_WRONG = "backup_wrong"
    LOCK = "lock"
    PHOTO_ID = "photo_id"
    CONTRACT = "contract"
    CALLBACK_ORDER = "callback_order"
    CALLBACK_PLACE = "callback_place"
    CODE_RIGHT = "code_right"
    CODE_WRONG = "code_wrong"
    CODE_LAPSE = "code_lapse"
    MAIL_ORDER = "mail_order"
    MAIL_SEND = "mail_send"
    EXPIRE = "expire"
    CLOSE = "close"


_S, _E = State, Event
_ENDS = {_E.EXPIRE: _S.EXPIRED, _E.CLOSE: _S.CLOSED}
_CONTACTS = {_E.CALLBACK_ORDER: _S.CALLBACK_ORDERED, _E.MAIL_ORDER: _S.MAIL_ORDERED}
_ASKS = {
    _E.PASSWORD_RIGHT: _S.BY_PASSWORD,
    _E.PASSWORD_WRONG: _S.PASSWORD_FAILED,
    _E.BACKUP_RIGHT: _S.BY_BACKUP,
    _E.BACKUP_WRONG: _S.BACKUP_FAILED,
    _E.LOCK: _S.LOCKED,
    _E.PHOTO_ID: _S.BY_PHOTO_ID,
    _E.CONTRACT: _S.BY_CONTRACT,
    **_CONTACTS,
    **_ENDS,
}
_MAILS = {_E.MAIL_ORDER: _S.MAIL_ORDERED, **_ENDS}
TABLE: Mapping[State, Mapping[Event, State]] = {
    _S.OPENED: _ASKS,
    _S.PASSWORD_FAILED: _ASKS,
    _S.BACKUP_FAILED: _ASKS,
    _S.LOCKED: {**_CONTACTS, **_ENDS},
    _S.BY_PASSWORD: _MAILS,
    _S.BY_BACKUP: _MAILS,
    _S.BY_PHOTO_ID: _MAILS,
    _S.BY_CONTRACT: _MAILS,
    _S.CALLBACK_ORDERED: {_E.CALLBACK_PLACE: _S.CALLBACK_PLACED, **_MAILS},
    _S.CALLBACK_PLACED: {
        _E.CODE_RIGHT: _S.CALLBACK_CONFIRMED,
        _E.CODE_WRONG: _S.CALLBACK_PLACED,
        _E.CODE_LAPSE: _S.CALLBACK_FAILED,
        **_MAILS,
    },
    _S.CALLBACK_CONFIRMED: _MAILS,
    _S.CALLBACK_FAILED: _MAILS,
    _S.MAIL_ORDERED: {_E.MAIL_SEND: _S.MAILED, _E.CLOSE: _S.CLOSED},
    _S.MAILED: {_E.CLOSE: _S.CLOSED},
    _S.EXPIRED: {_E.CLOSE: _S.CLOSED},
    _S.CLOSED: {},
}
SPOKEN = frozenset(
    {_S.BY_PASSWORD, _S.BY_BACKUP, _S.BY_PHOTO_ID, _S.BY_CONTRACT, _S.CALLBACK_CONFIRMED}
)
"""Call detail may be told to whoever this case is with."""
_ENDED = frozenset({_S.MAIL_ORDERED, _S.MAILED, _S.EXPIRED, _S.CLOSED})
"""Time changes them no more."""
_ONLY: Mapping[Event, Channel] = {
    _E.CALLBACK_ORDER: Channel.PHONE,
    _E.PHOTO_ID: Channel.IN_STORE,
}
"""Events of one channel alone."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the machine knows of a case."""

    channel: Channel
    opened_at: datetime
    state: State = State.OPENED
    proved_at: datetime | None = None
    code_at: datetime | None = None
    """When the code of the call-back was made."""
    wrong_codes: int = 0


def at(case: Case, now: datetime) -> Case:
    """The case as time has left it."""
    if case.state in _ENDED:
        return case
    if case.state is State.CALLBACK_PLACED and (
        case.wrong_codes >= CODE_TRIES or case.code_at is None or now - case.code_at >= CODE_LASTS
    ):
        case = replace(case, state=TABLE[case.state][Event.CODE_LAPSE])
    if case.state in SPOKEN:
        over = case.proved_at is None or now - case.proved_at >= PROOF_LASTS
    else:
        over = now - case.opened_at >= CASE_LASTS
    return replace(case, state=TABLE[case.state][Event.EXPIRE]) if over else case


def advance(case: Case, event: Event, now: datetime) -> Case | None:
    """The case after an event; None when nothing of the kind can happen to it now."""
    case = at(case, now)
    target = TABLE[case.state].get(event)
    if target is None or _ONLY.get(event, case.channel) is not case.channel:
        return None
    if event is Event.CALLBACK_PLACE:
        return replace(case, state=target, code_at=now, wrong_codes=0)
    if event is Event.CODE_WRONG:
        return at(replace(case, state=target, wrong_codes=case.wrong_codes + 1), now)
    if target in SPOKEN:
        return replace(case, state=target, proved_at=now)
    return replace(case, state=target)


def may_tell(case: Case, now: datetime) -> bool:
    """Whether call detail may be told to whoever the case is with."""
    return at(case, now).state in SPOKEN


def may_discuss_named(case: Case, now: datetime) -> bool:
    """Whether calls that the caller names unaided may be discussed: on the telephone, while the
    case is open (64.2010(b), last sentence)."""
    return case.channel is Channel.PHONE and at(case, now).state not in _ENDED


@dataclass(frozen=True, slots=True)
class Attempts:
    """Wrong passwords and answers of an account since the last right one."""

    failures: int = 0
    locked_until: datetime | None = None

    def locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def failed(self, now: datetime) -> Attempts:
        """After one more; the lock that it may set."""
        begun = 0 if self.locked_until is not None and now >= self.locked_until else self.failures
        count = begun + 1
        return Attempts(count, now + LOCK_LASTS if count >= LOCK_AFTER else None)
