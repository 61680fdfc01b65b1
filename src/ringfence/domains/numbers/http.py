"""REST API of numbers."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from ringfence.domains.numbers import api
from ringfence.domains.numbers.contracts import DialTarget, NumberInfo, TrunkDial
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["numbers"])


class DialTargetOut(Schema):
    """Either ``trunk`` and ``number``, or ``sip``."""

    trunk: str | None = None
    number: str | None = None
    sip: str | None = None


class NumberOut(Schema):
    """A telephone number and where its calls go, target after target."""

    id: str
    e164: str
    label: str
    dial: list[DialTargetOut]
    dial_timeout_seconds: int
    caller_id: str | None
    max_seconds: int | None
    status: str


class NumberList(Schema):
    numbers: list[NumberOut]


def _target(target: DialTarget) -> DialTargetOut:
    if isinstance(target, TrunkDial):
        return DialTargetOut(trunk=public_id(Prefix.TRUNK, target.trunk_id), number=target.number)
    return DialTargetOut(sip=target.uri)


def _out(info: NumberInfo) -> NumberOut:
    return NumberOut(
        id=public_id(Prefix.NUMBER, info.id),
        e164=info.e164,
        label=info.label,
        dial=[_target(target) for target in info.dial],
        dial_timeout_seconds=info.dial_timeout_seconds,
        caller_id=info.caller_id,
        max_seconds=info.max_seconds,
        status=info.status,
    )


@router.get("/numbers", response=responses(NumberList), operation_id="list_numbers")
@requires("numbers:read")
def list_numbers(request: HttpRequest) -> NumberList:
    """The tenant's numbers, oldest first."""
    found = api.list_numbers(caller_of(request).tenant_id)
    return NumberList(numbers=[_out(info) for info in found])


@router.get(
    "/numbers/{number_id}", response=responses(NumberOut, 404, 422), operation_id="get_number"
)
@requires("numbers:read")
def get_number(request: HttpRequest, number_id: str) -> NumberOut:
    """One of the tenant's numbers."""
    return _out(
        api.get_number(caller_of(request).tenant_id, parse_public_id(Prefix.NUMBER, number_id))
    )
