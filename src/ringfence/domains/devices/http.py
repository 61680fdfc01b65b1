"""REST API of devices: a tenant's phones."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from ringfence.domains.devices import api
from ringfence.domains.devices.contracts import DeviceInfo, DeviceSecret, NewDevice
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["devices"])
_READ, _WRITE = "devices:read", "devices:write"


class DeviceOut(Schema):
    """A desk phone or softphone. ``username`` is what it registers as."""

    id: str
    name: str
    username: str
    enabled: bool
    created_at: datetime


class DeviceSecretOut(DeviceOut):
    """``password`` is there only where it was made up now, and is never shown again."""

    password: str | None


class DeviceList(Schema):
    devices: list[DeviceOut]
    next: str | None
    """``before`` of the next page; null at the end."""


class DeviceQuery(Schema):
    before: str | None = None
    """``next`` of the page before."""
    limit: int = Field(50, ge=1, le=200)


class _In(Schema):
    model_config = ConfigDict(extra="forbid")


class DeviceIn(_In):
    """``username`` (3 to 40 of a-z, 0-9, . _ -) is unique in the installation; it and ``password``
    (12 characters and more) are made up where they are left out."""

    name: str
    username: str | None = None
    password: str | None = None
    enabled: bool = True


class DeviceChange(_In):
    """What is left out stays."""

    name: str | None = None
    enabled: bool | None = None


class PasswordIn(_In):
    """``password`` is made up where it is left out."""

    password: str | None = None


def _device(text: str) -> UUID:
    return parse_public_id(Prefix.DEVICE, text)


def _out(info: DeviceInfo) -> DeviceOut:
    return DeviceOut(
        id=public_id(Prefix.DEVICE, info.id),
        name=info.name,
        username=info.username,
        enabled=info.enabled,
        created_at=info.created_at,
    )


def _secret_out(made: DeviceSecret) -> DeviceSecretOut:
    return DeviceSecretOut(**_out(made.info).model_dump(), password=made.password)


@router.get("/devices", response=responses(DeviceList, 422), operation_id="list_devices")
@requires(_READ)
def list_devices(request: HttpRequest, query: Query[DeviceQuery]) -> DeviceList:
    """The tenant's devices, newest first."""
    page = api.list_devices(
        caller_of(request).tenant_id,
        before=None if query.before is None else _device(query.before),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return DeviceList(
        devices=[_out(info) for info in page.devices],
        next=None if cursor is None else public_id(Prefix.DEVICE, cursor),
    )


@router.post(
    "/devices",
    response=responses(DeviceSecretOut, 409, 422, success=201),
    operation_id="create_device",
)
@requires(_WRITE)
def create_device(request: HttpRequest, new: DeviceIn) -> Status[DeviceSecretOut]:
    """Make a device. It may register within 2 seconds."""
    made = api.create_device(caller_of(request).tenant_id, NewDevice(**new.model_dump()))
    return Status(201, _secret_out(made))


@router.get(
    "/devices/{device_id}", response=responses(DeviceOut, 404, 422), operation_id="get_device"
)
@requires(_READ)
def get_device(request: HttpRequest, device_id: str) -> DeviceOut:
    """One of the tenant's devices."""
    return _out(api.get_device(caller_of(request).tenant_id, _device(device_id)))


@router.patch(
    "/devices/{device_id}",
    response=responses(DeviceOut, 404, 412, 422, 428),
    operation_id="change_device",
)
@requires(_WRITE)
def change_device(request: HttpRequest, device_id: str, change: DeviceChange) -> DeviceOut:
    """Rename a device, or take it out of service: within 2 seconds no call reaches it."""
    tenant_id, id_ = caller_of(request).tenant_id, _device(device_id)
    info = api.get_device(tenant_id, id_)
    check_etag(request, _out(info))
    return _out(
        api.change_device(
            tenant_id,
            id_,
            name=info.name if change.name is None else change.name,
            enabled=info.enabled if change.enabled is None else change.enabled,
        )
    )


@router.post(
    "/devices/{device_id}/rotate-password",
    response=responses(DeviceSecretOut, 404, 422),
    operation_id="rotate_device_password",
)
@requires(_WRITE)
def rotate_password(
    request: HttpRequest, device_id: str, new: PasswordIn | None = None
) -> DeviceSecretOut:
    """Give a device another password. Within 2 seconds the old one is wrong, and a phone that
    registered with it gets no more calls."""
    password = None if new is None else new.password
    return _secret_out(
        api.rotate_password(caller_of(request).tenant_id, _device(device_id), password)
    )


@router.delete(
    "/devices/{device_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="delete_device",
)
@requires(_WRITE)
def delete_device(request: HttpRequest, device_id: str) -> Status[None]:
    """Delete a device that no target and no published flow names. Calls in progress go on."""
    api.delete_device(caller_of(request).tenant_id, _device(device_id))
    return Status(204, None)
