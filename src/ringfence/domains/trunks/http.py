"""REST API of trunks: a tenant's own, without their secrets."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpRequest
from ninja import Router, Schema

from ringfence.domains.trunks import api
from ringfence.domains.trunks.contracts import TrunkInfo
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["trunks"])


class NumberFormatOut(Schema):
    """How the trunk writes telephone numbers."""

    country_code: str
    national_prefix: str
    international_prefix: str
    strip_prefix: str
    style: str
    add_prefix: str


class TrunkOut(Schema):
    """A trunk. Passwords are never returned."""

    id: str
    name: str
    sources: list[str]
    username: str | None
    peer_host: str | None
    peer_port: int
    peer_transport: str
    auth_username: str | None
    format: NumberFormatOut
    max_calls_per_second: int | None
    max_channels: int | None


class TrunkList(Schema):
    trunks: list[TrunkOut]


def _out(info: TrunkInfo) -> TrunkOut:
    values = asdict(info) | {"id": public_id(Prefix.TRUNK, info.id)}
    return TrunkOut.model_validate(values)


@router.get("/trunks", response=responses(TrunkList), operation_id="list_trunks")
@requires("trunks:read")
def list_trunks(request: HttpRequest) -> TrunkList:
    """The tenant's trunks, oldest first."""
    return TrunkList(trunks=[_out(info) for info in api.list_trunks(caller_of(request).tenant_id)])


@router.get("/trunks/{trunk_id}", response=responses(TrunkOut, 404, 422), operation_id="get_trunk")
@requires("trunks:read")
def get_trunk(request: HttpRequest, trunk_id: str) -> TrunkOut:
    """One of the tenant's trunks."""
    return _out(
        api.get_trunk(caller_of(request).tenant_id, parse_public_id(Prefix.TRUNK, trunk_id))
    )
