"""REST API of calls, and the ticket that opens their live stream."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status

from ringfence.domains.calls import api
from ringfence.domains.calls.schemas import (
    CallAccepted,
    CallIn,
    CallList,
    CallOut,
    CallQuery,
    EventList,
    JournalList,
    JournalQuery,
    ProgramIn,
    call_out,
    call_summary,
    event_out,
)
from ringfence.domains.numbers.api import get_number
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import (
    OPENS,
    caller_of,
    requires,
    responses,
)
from ringfence.platform_django.live import live_ticket

STREAM_PURPOSE = "service"
_LISTEN = "live:read"
_WRITE = "calls:write"
router = Router(tags=["calls"])


class TicketOut(Schema):
    """Opens live streams until ``expires_at``."""

    ticket: str
    expires_at: datetime


@router.get(
    "/calls",
    response=responses(CallList, 400, 422),
    operation_id="list_calls",
    openapi_extra=OPENS,
)
@requires("calls:read")
def list_calls(request: HttpRequest, query: Query[CallQuery]) -> CallList:
    """The tenant's calls, newest first."""
    page = api.list_calls(
        caller_of(request).tenant_id,
        query.as_filter(),
        before=query.before_id,
        limit=query.limit,
    )
    cursor = page.next_cursor
    return CallList.model_construct(
        calls=[call_summary(info) for info in page.calls],
        next=None if cursor is None else public_id(Prefix.CALL, cursor),
    )


@router.post(
    "/calls",
    response=responses(CallAccepted, 400, 402, 404, 409, 422, 502, success=201),
    operation_id="create_call",
)
@requires(_WRITE)
def create_call(request: HttpRequest, body: CallIn) -> Status[CallAccepted]:
    """Begin a call; answers as soon as it is in the journal, before anybody is rung."""
    tenant_id, caller_id = caller_of(request).tenant_id, body.caller_id
    if caller_id.startswith(Prefix.NUMBER):
        caller_id = get_number(tenant_id, parse_public_id(Prefix.NUMBER, caller_id)).e164
    call = api.originate_call(
        tenant_id,
        body.to,
        caller_id,
        flow=body.flow_id,
        url=body.url,
        timeout_seconds=body.timeout_seconds,
    )
    return Status(201, CallAccepted(id=public_id(Prefix.CALL, call), state="started"))


@router.post(
    "/calls/{call_id}/redirect",
    response=responses(CallAccepted, 400, 404, 409, 422, 502),
    operation_id="redirect_call",
)
@requires(_WRITE)
def redirect_call(request: HttpRequest, call_id: str, body: ProgramIn) -> CallAccepted:
    """Send a live call to another flow or document; whoever talks to it is hung up."""
    api.command_call(
        caller_of(request).tenant_id,
        parse_public_id(Prefix.CALL, call_id),
        "redirect",
        flow=body.flow_id,
        url=body.url,
    )
    return CallAccepted(id=call_id, state="redirected")


@router.post(
    "/calls/{call_id}/hangup",
    response=responses(CallAccepted, 404, 409, 422, 502),
    operation_id="hang_up_call",
)
@requires(_WRITE)
def hang_up_call(request: HttpRequest, call_id: str) -> CallAccepted:
    """End a live call."""
    id_ = parse_public_id(Prefix.CALL, call_id)
    api.command_call(caller_of(request).tenant_id, id_, "hang_up")
    return CallAccepted(id=call_id, state="ended")


@router.get(
    "/calls/{call_id}",
    response=responses(CallOut, 400, 404, 422),
    operation_id="get_call",
    openapi_extra=OPENS,
)
@requires("calls:read")
def get_call(request: HttpRequest, call_id: str) -> CallOut:
    """One call with its legs."""
    return call_out(
        api.get_call(caller_of(request).tenant_id, parse_public_id(Prefix.CALL, call_id))
    )


@router.get(
    "/calls/{call_id}/events",
    response=responses(EventList, 400, 404, 422),
    operation_id="list_call_events",
    openapi_extra=OPENS,
)
@requires("calls:read")
def list_call_events(request: HttpRequest, call_id: str) -> EventList:
    """Everything that happened to a call, in order."""
    events = api.timeline(caller_of(request).tenant_id, parse_public_id(Prefix.CALL, call_id))
    return EventList.model_construct(events=list(map(event_out, events)))


@router.get(
    "/events",
    response=responses(JournalList, 400, 422),
    operation_id="list_events",
    openapi_extra=OPENS,
)
@requires("calls:read")
def list_events(request: HttpRequest, query: Query[JournalQuery]) -> JournalList:
    """Everything that happened to the tenant's calls, in the order of the journal."""
    page = api.list_events(caller_of(request).tenant_id, after=query.after, limit=query.limit)
    return JournalList.model_construct(events=list(map(event_out, page.events)), last=page.last)


@router.post(
    "/live/tickets",
    response=responses(TicketOut, success=201),
    operation_id="create_live_ticket",
    tags=["live"],
)
@requires(_LISTEN)
def create_live_ticket(request: HttpRequest) -> Status[TicketOut]:
    """A ticket for the live stream; valid for 60 seconds. The stream opens the numbers in its
    events for the purpose ``service``, which the API key must have been granted."""
    text, ticket = live_ticket(request, _LISTEN, STREAM_PURPOSE)
    return Status(201, TicketOut(ticket=text, expires_at=ticket.expires_at))
