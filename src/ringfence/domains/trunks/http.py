"""REST API of trunks: a tenant's own. Their secrets go in and never come out."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from ringfence.domains.trunks import api
from ringfence.domains.trunks.contracts import NewTrunk, NumberFormat, TrunkInfo
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

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


class _In(Schema):
    model_config = ConfigDict(extra="forbid")


class NumberFormatIn(_In):
    """How the trunk writes telephone numbers. ``style`` is how we write to it: + and digits,
    digits, or national within ``country_code``."""

    country_code: str = "1"
    national_prefix: str = "1"
    international_prefix: str = "011"
    strip_prefix: str = ""
    style: Literal["e164", "no_plus", "national"] = "e164"
    add_prefix: str = ""


class TrunkFields(_In):
    """``username`` and ``password``: what the peer authenticates with towards us;
    ``auth_username`` and ``auth_password``: what we answer its challenge with. Passwords are never
    returned."""

    username: str | None = None
    password: str | None = None
    peer_host: str | None = None
    peer_port: int = 5060
    peer_transport: Literal["udp", "tcp"] = "udp"
    auth_username: str | None = None
    auth_password: str | None = None
    format: NumberFormatIn = NumberFormatIn()
    max_calls_per_second: int | None = None
    max_channels: int | None = None


class TrunkIn(TrunkFields):
    name: str

    def as_new(self) -> NewTrunk:
        values = self.model_dump() | {"format": NumberFormat(**self.format.model_dump())}
        return NewTrunk(**values)


class TenantTrunkIn(TrunkIn):
    """``sources``: networks whose requests belong to the trunk; no other trunk's overlap them."""

    sources: list[str] = Field(default_factory=list)


class TrunkChange(TrunkFields):
    """What is left out stays, also a password whose user name stays."""

    name: str = ""


class SourcesIn(_In):
    """Networks whose requests belong to the trunk; no other trunk's overlap them."""

    sources: list[str]


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


@router.post(
    "/trunks", response=responses(TrunkOut, 409, 422, success=201), operation_id="create_trunk"
)
@requires("trunks:write")
def create_trunk(request: HttpRequest, new: TrunkIn) -> Status[TrunkOut]:
    """Connect a carrier or a PBX. Calls may use it within 2 seconds. Whoever calls over it
    authenticates by user name, unless the operator names the networks that it calls from."""
    info = api.create_own_trunk(caller_of(request).tenant_id, new.as_new())
    return Status(201, _out(info))


@router.patch(
    "/trunks/{trunk_id}", response=responses(TrunkOut, 404, 409, 422), operation_id="change_trunk"
)
@requires("trunks:write")
def change_trunk(request: HttpRequest, trunk_id: str, change: TrunkChange) -> TrunkOut:
    """Change a trunk. Calls follow within 2 seconds; those in progress go on."""
    tenant_id, id_ = caller_of(request).tenant_id, parse_public_id(Prefix.TRUNK, trunk_id)
    check_etag(request, _out(api.get_trunk(tenant_id, id_)))
    return _out(api.change_trunk(tenant_id, id_, change.model_dump(exclude_unset=True)))


@router.delete(
    "/trunks/{trunk_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="delete_trunk",
)
@requires("trunks:write")
def delete_trunk(request: HttpRequest, trunk_id: str) -> Status[None]:
    """Disconnect a trunk that no number, target or flow uses. Calls in progress go on."""
    api.delete_trunk(caller_of(request).tenant_id, parse_public_id(Prefix.TRUNK, trunk_id))
    return Status(204, None)


# --- the operator's


@router.post(
    "/tenants/{tenant_id}/trunks",
    response=responses(TrunkOut, 409, 422, success=201),
    operation_id="create_tenant_trunk",
)
@operator_only
@requires("trunks:write")
def create_tenant_trunk(
    request: HttpRequest, tenant_id: str, new: TenantTrunkIn
) -> Status[TrunkOut]:
    """Connect a carrier or a PBX of a tenant, which may be recognised by where it calls from."""
    owner = parse_public_id(Prefix.TENANT, tenant_id)
    made = replace(new.as_new(), tenant_id=owner, sources=tuple(new.sources))
    return Status(201, _out(api.create_trunk(made)))


@router.put(
    "/tenants/{tenant_id}/trunks/{trunk_id}/sources",
    response=responses(TrunkOut, 404, 409, 422),
    operation_id="set_trunk_sources",
)
@operator_only
@requires("trunks:write")
def set_trunk_sources(
    request: HttpRequest, tenant_id: str, trunk_id: str, body: SourcesIn
) -> TrunkOut:
    """Say from where a tenant's trunk calls: whoever calls from there is that trunk."""
    owner, id_ = parse_public_id(Prefix.TENANT, tenant_id), parse_public_id(Prefix.TRUNK, trunk_id)
    return _out(api.set_sources(owner, id_, tuple(body.sources)))
