"""Rights requests as the REST API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from ringfence.domains.privacy.contracts import RightsInfo
from ringfence.domains.privacy.rights_vocabulary import (
    AuthorityKind,
    Channel,
    ExtensionReason,
    Jurisdiction,
    Method,
    Refusal,
    RightsKind,
    RightsState,
    StatementUse,
    Urgency,
)
from ringfence.domains.privacy.rules.authority import Authority, needs_confirmation
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

AskedKind = Literal[
    RightsKind.ACCESS,
    RightsKind.PORTABILITY,
    RightsKind.DELETION,
    RightsKind.RESTRICTION,
    RightsKind.RESTRICTION_END,
    RightsKind.OBJECTION,
    RightsKind.CORRECTION,
    RightsKind.OPT_OUT_SALE,
    RightsKind.OPT_OUT_ADS,
    RightsKind.OPT_OUT_PROFILING,
    RightsKind.OPT_OUT_CPNI,
    RightsKind.CHILD,
]
"""Every kind but an appeal, which is made of a refusal."""


class OnBehalfIn(Schema):
    """By what right somebody else asks for the person, and the document that shows it."""

    model_config = ConfigDict(extra="forbid")

    authority: AuthorityKind
    document_sha256: Annotated[str, Field(max_length=64)] = ""
    """Of the document, in lower-case hex; without it the request is refused
    (``authority_evidence_missing``)."""
    expires_at: AwareDatetime | None = None
    agent: Annotated[str, Field(max_length=200)] = ""
    """Who it is. It is sealed with the person, who sees it, as is ``reference``."""
    reference: Annotated[str, Field(max_length=500)] = ""
    """Where the document is kept."""


class RightsIn(Schema):
    """What is asked, by whom: exactly one of ``number`` and ``person``."""

    model_config = ConfigDict(extra="forbid")

    kind: AskedKind
    number: str | None = None
    """E.164; it is not kept."""
    person: str | None = None
    """``PE`` and 32 hex digits, or these alone."""
    jurisdiction: Jurisdiction
    channel: Channel = Channel.API
    on_behalf: OnBehalfIn | None = None
    """Where an agent asks; it is then verified by ``authority``."""
    statement: Annotated[str, Field(max_length=2000)] = ""
    """Of a correction, and of nothing else: what is wrong, and what is right. It is sealed with the
    person."""
    marked: bool = False
    """Of a child, and of nothing else: the caller knows that they are one and answers for it. They
    are erased at once, which needs ``privacy:erase`` as well."""


class LiftIn(Schema):
    """Which parent says that the person is no child, and what they showed or told."""

    model_config = ConfigDict(extra="forbid")

    parent: Annotated[str, Field(max_length=200)]
    """Who it is. It is sealed with the person, as is ``note``."""
    document_sha256: Annotated[str, Field(max_length=64)] = ""
    """Of what they showed, in lower-case hex. One of this and ``note`` is needed
    (``parent_evidence_missing``)."""
    note: Annotated[str, Field(max_length=500)] = ""
    """What they told, or where the document is kept."""


class VerificationIn(Schema):
    """How it became known that the person themselves asks; who says so is the caller."""

    model_config = ConfigDict(extra="forbid")

    method: Method


class ExtensionIn(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: ExtensionReason


class RefusalIn(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: Refusal


class AppealIn(Schema):
    """How the appeal came in."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel = Channel.API


class AppealDecisionIn(Schema):
    """Whether what was refused is taken up again, or what a person says of their data is right; if
    not, why."""

    model_config = ConfigDict(extra="forbid")

    granted: bool
    reason: Refusal | None = None

    @model_validator(mode="after")
    def _reason_where_refused(self) -> Self:
        if self.granted == (self.reason is not None):
            raise ValueError("a refusal has a reason, and nothing else has")
        return self


class OnBehalfOut(Schema):
    """By what right somebody else asks for the person."""

    authority: AuthorityKind
    document_sha256: str
    expires_at: datetime | None
    confirmed_at: datetime | None
    """When the person said on the portal that it is so."""
    awaits_confirmation: bool
    """Until then it is not verified."""


class RightsOut(Schema):
    """A request and how far it is."""

    id: str
    kind: RightsKind
    person: str | None
    """null: nobody was meant by the number when it came in; nothing is held."""
    jurisdiction: Jurisdiction
    channel: Channel
    state: RightsState
    received_at: datetime
    acknowledge_by: datetime
    """Until then the person is to be told that the request came in."""
    due_at: datetime
    extended_until: datetime | None
    """The end in place of ``due_at``."""
    extension_reason: ExtensionReason | None
    urgency: Urgency
    verified_at: datetime | None
    verified_by: str | None
    method: Method | None
    refusal: Refusal | None
    completed_at: datetime | None
    on_behalf: OnBehalfOut | None
    statement_use: StatementUse | None
    """Of a correction that was decided: what became of what the person said."""
    lifted_at: datetime | None
    """Of a report of a child: when a parent showed that it is none."""
    lifted_document_sha256: str | None
    appeal_of: str | None
    """Of an appeal: the request that was refused."""
    follows_appeal: str | None
    """Of a request that an appeal brought back: the appeal."""
    erasure: str | None
    """Of a deletion, or a child: the erasure that carries it out."""
    consent: str | None
    """Of an opt-out: the piece of evidence that says so (``GET /consents``)."""
    package_bytes: int | None
    """Size of the package, while it can be fetched."""
    receipt: dict[str, Any] | None
    """Once it is ``done``: what was done, signed by the installation (Ed25519);
    ``tools/recheck.py`` checks it."""


class RightsList(Schema):
    requests: list[RightsOut]
    next: str | None
    """Pass as ``before`` to get the next page."""


class RightsQuery(Schema):
    state: RightsState | None = None
    before: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def before_id(self) -> UUID | None:
        return None if self.before is None else parse_public_id(Prefix.RIGHTS_REQUEST, self.before)


def rights_out(info: RightsInfo) -> RightsOut:
    return RightsOut(
        id=public_id(Prefix.RIGHTS_REQUEST, info.id),
        kind=info.kind,
        person=None if info.person is None else public_id(Prefix.PERSON, info.person),
        jurisdiction=info.jurisdiction,
        channel=info.channel,
        state=info.state,
        received_at=info.received_at,
        acknowledge_by=info.acknowledge_by,
        due_at=info.due_at,
        extended_until=info.extended_until,
        extension_reason=info.extension_reason,
        urgency=info.urgency,
        verified_at=info.verified_at,
        verified_by=info.verified_by,
        method=info.method,
        refusal=info.refusal,
        completed_at=info.completed_at,
        on_behalf=_on_behalf(info.authority),
        statement_use=info.statement_use,
        lifted_at=info.lifted_at,
        lifted_document_sha256=info.lifted_hash,
        appeal_of=_request(info.appeal_of),
        follows_appeal=_request(info.follows_appeal),
        erasure=None if info.erasure_id is None else public_id(Prefix.ERASURE, info.erasure_id),
        consent=None if info.evidence_id is None else public_id(Prefix.CONSENT, info.evidence_id),
        package_bytes=info.package_bytes,
        receipt=None if info.receipt is None else dict(info.receipt),
    )


def _on_behalf(found: Authority | None) -> OnBehalfOut | None:
    if found is None:
        return None
    return OnBehalfOut(
        authority=found.kind,
        document_sha256=found.document_hash,
        expires_at=found.expires_at,
        confirmed_at=found.confirmed_at,
        awaits_confirmation=needs_confirmation(found),
    )


def _request(id_: UUID | None) -> str | None:
    return None if id_ is None else public_id(Prefix.RIGHTS_REQUEST, id_)
