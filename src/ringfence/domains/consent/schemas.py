"""Consents as the REST API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from ringfence.domains.consent.contracts import (
    EvidenceInfo,
    StandInfo,
    SubjectInvalid,
    SubjectStands,
    WordingInfo,
)
from ringfence.domains.consent.vocabulary import (
    ConsentMethod,
    ConsentMode,
    ConsentScope,
    ConsentState,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.keys.persons import Identifier


class SubjectIn(Schema):
    """Who is meant: exactly one of the three."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[str, Field(max_length=32)] | None = None
    """E.164."""
    email: Annotated[str, Field(max_length=320)] | None = None
    person: Annotated[str, Field(max_length=40)] | None = None
    """``PE`` and 32 hex digits, or these alone."""

    def who(self) -> UUID | Identifier:
        """Raises SubjectInvalid, InvalidId."""
        given = [text for text in (self.number, self.email, self.person) if text is not None]
        if len(given) != 1:
            raise SubjectInvalid("give one of number, email and person")
        if self.person is not None:
            return parse_public_id(Prefix.PERSON, self.person)
        if self.number is not None:
            return Identifier("e164", self.number)
        return Identifier("email", given[0])


class ConsentIn(SubjectIn):
    """What a person said of one scope."""

    scope: ConsentScope
    state: ConsentState
    method: ConsentMethod
    source: Annotated[str, Field(max_length=500)] = ""
    """Where they said it: the id of a call, the address of a page. It is sealed."""
    wording: str | None = None
    """``CW…``: how they were asked. Needed where they grant something."""


class ConsentCheckIn(SubjectIn):
    """Whose consents, and which; without ``scope`` all."""

    scope: ConsentScope | None = None


class ConsentOut(Schema):
    """A piece of evidence; nothing of it ever changes."""

    id: str
    person: str
    sequence: int
    """Its place in the tenant's chain, from 1."""
    scope: ConsentScope
    state: ConsentState
    method: ConsentMethod
    wording: str | None
    wording_hash: str | None
    """SHA-256 of the text."""
    source: str | None
    """Null too where the person was erased or the time for it is over."""
    recorded_at: datetime
    recorded_by: str
    digest: str
    """SHA-256 over this piece and the digest of the one before it."""


class ConsentList(Schema):
    consents: list[ConsentOut]
    next: int | None
    """Pass as ``before`` to get the next page."""


class ConsentQuery(Schema):
    person: str
    before: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ConsentStateOut(Schema):
    """What holds of one scope now."""

    scope: ConsentScope
    allowed: bool
    state: ConsentState | None
    """What the person said last; null: nothing."""
    default: ConsentMode
    """What it means under the policy to have said nothing; ``never``: no, whatever is said."""
    since: datetime | None
    consent: str | None
    """The evidence. Null with a ``state``: a refusal that goes on after an erasure."""


class ConsentStatesOut(Schema):
    person: str | None
    """Null: nobody is known by that."""
    states: list[ConsentStateOut]


class WordingIn(Schema):
    """A text that people are asked by."""

    model_config = ConfigDict(extra="forbid")

    scope: ConsentScope
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
    """BCP 47."""
    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class WordingOut(Schema):
    id: str
    scope: ConsentScope
    language: str
    version: int
    text: str
    hash: str
    """SHA-256 of the text in UTF-8, in hex."""
    created_at: datetime
    created_by: str


class WordingList(Schema):
    wordings: list[WordingOut]


class WordingQuery(Schema):
    scope: ConsentScope | None = None


def consent_out(info: EvidenceInfo) -> ConsentOut:
    wording = info.wording_id
    return ConsentOut(
        id=public_id(Prefix.CONSENT, info.id),
        person=public_id(Prefix.PERSON, info.person),
        sequence=info.seq,
        scope=info.scope,
        state=info.state,
        method=info.method,
        wording=None if wording is None else public_id(Prefix.WORDING, wording),
        wording_hash=info.wording_hash,
        source=info.source,
        recorded_at=info.recorded_at,
        recorded_by=info.actor,
        digest=info.digest,
    )


def states_out(found: SubjectStands) -> ConsentStatesOut:
    return ConsentStatesOut(
        person=None if found.person is None else public_id(Prefix.PERSON, found.person),
        states=[_state_out(one) for one in found.stands],
    )


def _state_out(info: StandInfo) -> ConsentStateOut:
    return ConsentStateOut(
        scope=info.scope,
        allowed=info.allowed,
        state=info.state,
        default=info.mode,
        since=info.since,
        consent=None if info.evidence is None else public_id(Prefix.CONSENT, info.evidence),
    )


def wording_out(info: WordingInfo) -> WordingOut:
    return WordingOut(
        id=public_id(Prefix.WORDING, info.id),
        scope=info.scope,
        language=info.language,
        version=info.version,
        text=info.text,
        hash=info.hash,
        created_at=info.created_at,
        created_by=info.created_by,
    )
