"""REST API of numbers."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.numbers import api
from ringfence.domains.numbers.schemas import (
    NumberChange,
    NumberIn,
    NumberList,
    NumberOut,
    NumberQuery,
    number_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["numbers"])


def _number(text: str) -> UUID:
    return parse_public_id(Prefix.NUMBER, text)


@router.get("/numbers", response=responses(NumberList, 422), operation_id="list_numbers")
@requires("numbers:read")
def list_numbers(request: HttpRequest, query: Query[NumberQuery]) -> NumberList:
    """The tenant's numbers, newest first, released ones among them."""
    page = api.list_numbers(
        caller_of(request).tenant_id,
        before=None if query.before is None else _number(query.before),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return NumberList(
        numbers=[number_out(info) for info in page.numbers],
        next=None if cursor is None else public_id(Prefix.NUMBER, cursor),
    )


@router.post(
    "/numbers",
    response=responses(NumberOut, 409, 422, success=201),
    operation_id="create_number",
)
@requires("numbers:write")
def create_number(request: HttpRequest, new: NumberIn) -> Status[NumberOut]:
    """Take a number into service. Calls to it reach it from its trunk, or from the operator's."""
    made = api.create_number(new.as_new(caller_of(request).tenant_id))
    return Status(201, number_out(made))


@router.get(
    "/numbers/{number_id}", response=responses(NumberOut, 404, 422), operation_id="get_number"
)
@requires("numbers:read")
def get_number(request: HttpRequest, number_id: str) -> NumberOut:
    """One of the tenant's numbers."""
    return number_out(api.get_number(caller_of(request).tenant_id, _number(number_id)))


@router.patch(
    "/numbers/{number_id}",
    response=responses(NumberOut, 404, 409, 412, 422, 428),
    operation_id="change_number",
)
@requires("numbers:write")
def change_number(request: HttpRequest, number_id: str, change: NumberChange) -> NumberOut:
    """Change where calls go, from the next one on. A flow takes the place of targets, and they
    that of a flow."""
    tenant_id, id_ = caller_of(request).tenant_id, _number(number_id)
    info = api.get_number(tenant_id, id_)
    check_etag(request, number_out(info))
    return number_out(api.change_number(id_, change.applied_to(info)))


@router.delete(
    "/numbers/{number_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="release_number",
)
@requires("numbers:write")
def release_number(request: HttpRequest, number_id: str) -> Status[None]:
    """Give a number up: no call reaches it from now on. Its record stays, as ``inactive``."""
    api.release_number(caller_of(request).tenant_id, _number(number_id))
    return Status(204, None)
