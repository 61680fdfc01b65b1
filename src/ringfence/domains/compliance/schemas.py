"""Bodies of the REST API of CPNI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field, model_validator

from ringfence.domains.calls.contracts import CallInfo
from ringfence.domains.compliance.contracts import (
    AccountInfo,
    CaseInfo,
    NamedCall,
    NoticeInfo,
)
from ringfence.domains.compliance.rules.authentication import Channel
from ringfence.domains.compliance.rules.records import Kind
from ringfence.domains.compliance.rules.secrets import QUESTIONS
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

Secret = Annotated[str, Field(min_length=1, max_length=200)]
E164 = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]


class ContactOut(Schema):
    """A contact on file; ``of_record``: for long enough to be called or written to. ``value`` is
    masked for everybody but the owner."""

    value: str | None
    since: datetime
    of_record: bool


class ContractOut(Schema):
    """How the contract says that callers are authenticated, and why that was noted."""

    regime: str
    reason: str
    set_by: str
    set_at: datetime


class AccountOut(Schema):
    """What authenticates an account. Secrets are never told. ``questions``: what the backup may
    ask, by its code."""

    volatile: ClassVar[frozenset[str]] = frozenset({"locked_until"})

    tenant: str
    password_set_at: datetime | None
    question: str | None
    answer_set_at: datetime | None
    locked_until: datetime | None
    email: ContactOut | None
    number: ContactOut | None
    address: ContactOut | None
    contract: ContractOut | None
    questions: dict[str, str]


class ContactsIn(Schema, extra="forbid"):
    """The contacts on file from now on; null: none. ``number`` is an active number of the
    account."""

    email: Annotated[str, Field(max_length=254)] | None
    number: E164 | None
    address: Annotated[str, Field(max_length=500)] | None

    def wanted(self) -> dict[Kind, str | None]:
        return {Kind.EMAIL: self.email, Kind.NUMBER: self.number, Kind.ADDRESS: self.address}


class PasswordIn(Schema, extra="forbid"):
    """Case, blanks and punctuation do not count."""

    password: Secret


class BackupIn(Schema, extra="forbid"):
    """``question``: a code of the account's ``questions``."""

    question: Annotated[str, Field(max_length=40)]
    answer: Secret


class AnswerIn(Schema, extra="forbid"):
    answer: Secret


class ContractIn(Schema, extra="forbid"):
    """``regime``: how the contract says that callers are authenticated; null: it does not."""

    regime: Annotated[str, Field(max_length=500)] | None
    reason: Annotated[str, Field(max_length=500)]


class CaseIn(Schema, extra="forbid"):
    tenant: str
    channel: Channel

    @property
    def tenant_id(self) -> UUID:
        """Raises InvalidId."""
        return parse_public_id(Prefix.TENANT, self.tenant)


class DisclosureOut(Schema):
    """What was ``told``, ``named`` by the caller, or ``mailed``; ``basis``: the state of the
    case."""

    kind: str
    basis: str
    actor: str
    at: datetime
    calls: list[str]


class CaseOut(Schema):
    """A case. ``may_tell_until``: until when call detail may be told to whoever it is with; null:
    it may not. ``contract``: how the customer's contract says that its callers are authenticated.
    """

    id: str
    tenant: str
    channel: Channel
    state: str
    opened_by: str
    opened_at: datetime
    proved_at: datetime | None
    may_tell_until: datetime | None
    failures: int
    locked_until: datetime | None
    closed_at: datetime | None
    contract: str | None
    disclosures: list[DisclosureOut]


class CaseList(Schema):
    """Cases, newest first; pass ``next`` as ``before`` for the page after this one."""

    cases: list[CaseOut]
    next: str | None


class CaseQuery(Schema):
    tenant: str | None = None
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    @property
    def tenant_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.tenant is None else parse_public_id(Prefix.TENANT, self.tenant)

    @property
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.CPNI_CASE, self.before)


class OrderedOut(Schema):
    """The case, and the number that will be called, masked."""

    case: CaseOut
    number: str


class CallBackOut(Schema):
    """Call the number and tell whoever answers the code; it is shown this once."""

    case: CaseOut
    number: str
    code: str


class CodeIn(Schema, extra="forbid"):
    code: Annotated[str, Field(pattern="^[0-9]{6}$")]


class MailIn(Schema, extra="forbid"):
    """``via``: ``email`` or ``post``. Calls from ``since`` until before ``until``."""

    via: Annotated[str, Field(pattern="^(email|post)$")]
    since: AwareDatetime
    until: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since >= self.until:
            raise ValueError("since is before until")
        return self


class LetterOut(Schema):
    """What is posted, and whereto."""

    case: CaseOut
    address: str
    text: str


class ToldCall(Schema):
    """A call, as it is told to the customer."""

    id: str
    direction: str
    from_number: str | None
    to_number: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str | None
    billed_seconds: int


class ToldCalls(Schema):
    """Calls, newest first; pass ``next`` as ``before`` for the page after this one."""

    calls: list[ToldCall]
    next: str | None


class ToldQuery(Schema):
    """``since`` inclusive, ``until`` exclusive."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    @property
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.CALL, self.before)


class NamedIn(Schema, extra="forbid"):
    """What the caller said without help: the other side's number, and when, to within an hour."""

    number: E164
    started_at: AwareDatetime


class NamedOut(Schema):
    """A call that was named: that it was, and no more."""

    id: str
    direction: str
    number: str
    started_at: datetime


class NamedList(Schema):
    calls: list[NamedOut]


class NoticeOut(Schema):
    """News of a change. ``channel``: ``email``, ``number`` (somebody tells it), ``address``
    (somebody posts it), or ``none``: there was no contact."""

    id: str
    tenant: str
    what: str
    channel: str
    actor: str
    changed_at: datetime
    sent_at: datetime | None


class NoticeList(Schema):
    """Notices, newest first; pass ``next`` as ``before`` for the page after this one."""

    notices: list[NoticeOut]
    next: str | None


class NoticeQuery(Schema):
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    @property
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.CPNI_NOTICE, self.before)


class OutgoingOut(Schema):
    """A notice to tell or to post now."""

    notice: NoticeOut
    to: str
    text: str


def account_out(info: AccountInfo) -> AccountOut:
    contacts = {
        one.kind: ContactOut(value=one.value, since=one.since, of_record=one.of_record)
        for one in info.contacts
    }
    contract = info.contract
    return AccountOut(
        tenant=public_id(Prefix.TENANT, info.tenant_id),
        password_set_at=info.password_set_at,
        question=info.question,
        answer_set_at=info.answer_set_at,
        locked_until=info.locked_until,
        email=contacts.get(Kind.EMAIL),
        number=contacts.get(Kind.NUMBER),
        address=contacts.get(Kind.ADDRESS),
        contract=None
        if contract is None
        else ContractOut(
            regime=contract.regime,
            reason=contract.reason,
            set_by=contract.set_by,
            set_at=contract.set_at,
        ),
        questions=dict(QUESTIONS),
    )


def case_out(info: CaseInfo) -> CaseOut:
    return CaseOut(
        id=public_id(Prefix.CPNI_CASE, info.id),
        tenant=public_id(Prefix.TENANT, info.tenant_id),
        channel=Channel(info.channel),
        state=info.state,
        opened_by=info.opened_by,
        opened_at=info.opened_at,
        proved_at=info.proved_at,
        may_tell_until=info.may_tell_until,
        failures=info.failures,
        locked_until=info.locked_until,
        closed_at=info.closed_at,
        contract=info.contract,
        disclosures=[
            DisclosureOut(
                kind=one.kind,
                basis=one.basis,
                actor=one.actor,
                at=one.at,
                calls=[public_id(Prefix.CALL, call) for call in one.calls],
            )
            for one in info.disclosures
        ],
    )


def told_call(info: CallInfo) -> ToldCall:
    return ToldCall(
        id=public_id(Prefix.CALL, info.id),
        direction=info.direction,
        from_number=info.from_number,
        to_number=info.to_number,
        started_at=info.started_at,
        answered_at=info.answered_at,
        ended_at=info.ended_at,
        disposition=info.disposition,
        billed_seconds=info.billed_seconds,
    )


def named_out(call: NamedCall) -> NamedOut:
    return NamedOut(
        id=public_id(Prefix.CALL, call.id),
        direction=call.direction,
        number=call.number,
        started_at=call.started_at,
    )


def notice_out(info: NoticeInfo) -> NoticeOut:
    return NoticeOut(
        id=public_id(Prefix.CPNI_NOTICE, info.id),
        tenant=public_id(Prefix.TENANT, info.tenant_id),
        what=info.what,
        channel=info.channel,
        actor=info.actor,
        changed_at=info.changed_at,
        sent_at=info.sent_at,
    )
