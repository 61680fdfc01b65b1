"""REST API of who receives data, and of what left to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from ringfence.domains.processors import api
from ringfence.domains.processors.contracts import MAX_PAGE, ProcessorInfo, SentInfo
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["processors"])


class ProcessorOut(Schema):
    """A third party that may receive personal data."""

    name: str
    hosts: list[str]
    purposes: list[str]
    templates: list[str]
    """What may be sent there, as the data map names it."""
    fields: dict[str, list[str]]
    """By template, the fields that may leave."""
    country: str
    """ISO 3166."""
    safeguard: str
    """What covers a transfer to there; ``none``: nothing."""
    agreement_sha256: str | None
    signed_on: date | None
    expires_on: date | None
    """Its last day."""
    state: str
    """``in_force``; else why nothing may be sent there today."""


class ProcessorList(Schema):
    processors: list[ProcessorOut]


class SentOut(Schema):
    """Something that left, or was refused: names of fields, never a value."""

    id: str
    at: datetime
    receiver: str
    """Name of a processor; ``tenant``: a system of the tenant's own; ``own``: the operator's."""
    template: str
    purpose: str
    host: str
    fields: list[str]
    bytes: int
    outcome: str
    """``unknown``: under way, or the process ended before it knew."""
    refusal: str | None
    status: int | None
    """Of HTTP."""


class SentList(Schema):
    """Newest first; ``next`` is the cursor of the next page."""

    sent: list[SentOut]
    next: str | None


class SentQuery(Schema):
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50

    @property
    def before(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.cursor is None else parse_public_id(Prefix.SENT, self.cursor)


@router.get("/processors", response=responses(ProcessorList), operation_id="list_processors")
@requires("audit:read")
def list_processors(request: HttpRequest) -> ProcessorList:
    """Third parties that may receive personal data, with their agreements and states today."""
    return ProcessorList(processors=[_processor(info) for info in api.list_processors()])


@router.get("/processors/sent", response=responses(SentList, 422), operation_id="list_sent")
@requires("audit:read")
def list_sent(request: HttpRequest, query: Query[SentQuery]) -> SentList:
    """What left for the tenant or was refused, newest first."""
    found = api.list_sent(caller_of(request).tenant_id, before=query.before, limit=query.limit + 1)
    page = found[: query.limit]
    more = len(found) > len(page)
    return SentList(
        sent=[_sent(info) for info in page],
        next=public_id(Prefix.SENT, page[-1].id) if more else None,
    )


def _processor(info: ProcessorInfo) -> ProcessorOut:
    one = info.settings
    bound = one.agreement
    return ProcessorOut(
        name=info.name,
        hosts=list(one.hosts),
        purposes=list(one.purposes),
        templates=list(one.templates),
        fields={name: list(fields) for name, fields in info.fields.items()},
        country=one.country,
        safeguard=one.safeguard,
        agreement_sha256=None if bound is None else bound.sha256,
        signed_on=None if bound is None else bound.signed_on,
        expires_on=None if bound is None else bound.expires_on,
        state=info.state,
    )


def _sent(info: SentInfo) -> SentOut:
    return SentOut(
        id=public_id(Prefix.SENT, info.id),
        at=info.at,
        receiver=info.receiver,
        template=info.template,
        purpose=info.purpose,
        host=info.host,
        fields=list(info.fields),
        bytes=info.size,
        outcome=info.outcome,
        refusal=info.refusal,
        status=info.status,
    )
