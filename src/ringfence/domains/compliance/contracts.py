"""What other domains and the entrances see of compliance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


class Changed(StrEnum):
    """What of an account changed, for the notice of it."""

    PASSWORD = "password"  # noqa: S105 - not a password
    BACKUP = "backup"
    ONLINE_ACCOUNT = "online_account"
    EMAIL = "email"
    NUMBER = "number"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class ContactInfo:
    """A contact on file. ``of_record``: it is on file long enough to be called or written to."""

    kind: str
    value: str | None
    """None when it does not open any more."""
    since: datetime
    of_record: bool


@dataclass(frozen=True, slots=True)
class ContractInfo:
    """What a business customer's contract says in place of passwords (64.2010(g))."""

    regime: str
    reason: str
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What is set to authenticate a tenant; never the secrets."""

    tenant_id: UUID
    password_set_at: datetime | None
    question: str | None
    answer_set_at: datetime | None
    locked_until: datetime | None
    contacts: tuple[ContactInfo, ...]
    contract: ContractInfo | None


@dataclass(frozen=True, slots=True)
class DisclosureInfo:
    """What was told or sent, by whom, and on what ground."""

    id: UUID
    kind: str
    basis: str
    actor: str
    at: datetime
    calls: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """A case as time has left it."""

    id: UUID
    tenant_id: UUID
    channel: str
    state: str
    opened_by: str
    opened_at: datetime
    proved_at: datetime | None
    may_tell_until: datetime | None
    """Until when call detail may be told; None: it may not."""
    failures: int
    locked_until: datetime | None
    """Of the account: no password is looked at before."""
    closed_at: datetime | None
    contract: str | None
    """The regime of the tenant's contract, where there is one."""
    disclosures: tuple[DisclosureInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class CasePage:
    """Cases, newest first, and the id to continue before; None on the last page."""

    cases: tuple[CaseInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class CallBack:
    """Whom to call, and the code to tell them; shown once."""

    case: CaseInfo
    number: str
    code: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is posted, and whereto."""

    case: CaseInfo
    address: str
    text: str


@dataclass(frozen=True, slots=True)
class NamedCall:
    """A call as its party named it: that it was, and nothing more."""

    id: UUID
    direction: str
    number: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeInfo:
    """News of a change, and whether it has gone out."""

    id: UUID
    tenant_id: UUID
    what: str
    channel: str
    actor: str
    changed_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Notices, newest first, and the id to continue before; None on the last page."""

    notices: tuple[NoticeInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class OutgoingNotice:
    """A notice that somebody tells or posts now."""

    notice: NoticeInfo
    to: str
    text: str


class WeakSecret(InvalidInput):
    """A password or an answer is known, or easily guessed; ``details.problems`` says why."""

    code = "cpni_weak_secret"


class UnknownQuestion(InvalidInput):
    """The question is none of the list."""

    code = "cpni_unknown_question"


class InvalidContact(InvalidInput):
    """This is no address, or no active number of the tenant's service."""

    code = "cpni_invalid_contact"


class InvalidContract(InvalidInput):
    """A contract's regime and the reason are both told."""

    code = "cpni_invalid_contract"


class CaseNotFound(NotFound):
    """No such case."""

    code = "cpni_case_not_found"


class NoticeNotFound(NotFound):
    """No such notice, or nobody to tell or post it to."""

    code = "cpni_notice_not_found"


class CaseStateConflict(RingfenceError):
    """The case is not in a state for that; ``details.state`` says in which it is."""

    code = "cpni_case_state"
    http_status = 409


class NotSet(RingfenceError):
    """The customer has not set what would be compared."""

    code = "cpni_not_set"
    http_status = 409


class NotOfRecord(RingfenceError):
    """There is no such contact, or it is not on file for long enough."""

    code = "cpni_not_of_record"
    http_status = 409


class SamePerson(RingfenceError):
    """This takes two members of staff."""

    code = "cpni_same_person"
    http_status = 409


class TooManyCalls(InvalidInput):
    """That is more than goes into one letter."""

    code = "cpni_too_many_calls"


class NotAuthenticated(RingfenceError):
    """Nothing proves that the case is with the customer, or not any more."""

    code = "cpni_not_authenticated"
    http_status = 403


class TooManyMisses(RingfenceError):
    """Too many calls were named that are none: whoever asks is guessing."""

    code = "cpni_too_many_misses"
    http_status = 409
