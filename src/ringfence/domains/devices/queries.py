"""Reading devices."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID

from django.db import connections

from ringfence.domains.devices.contracts import (
    DeviceInfo,
    DeviceNotFound,
    DevicePage,
    RoutingDevice,
)
from ringfence.domains.devices.models import Device
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import CALLPLANE, across_tenants, tenant

_SECRETS = ("ha1_md5_sealed", "ha1_sha256_sealed")
_log = logging.getLogger("ringfence.devices")


def device_info(row: Device) -> DeviceInfo:
    return DeviceInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        username=row.username,
        enabled=row.enabled,
        created_at=row.created_at,
    )


def list_devices(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> DevicePage:
    """Devices of the tenant, newest first."""
    with tenant(tenant_id):
        rows = Device.objects.filter(tenant_id=tenant_id).order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = [device_info(row) for row in rows[: limit + 1]]
    more = len(found) > limit
    return DevicePage(tuple(found[:limit]), found[limit - 1].id if more else None)


def list_all_devices() -> tuple[DeviceInfo, ...]:
    """Every device of the installation. For the operator."""
    with across_tenants("list devices") as db:
        return tuple(device_info(row) for row in Device.objects.using(db).order_by("id"))


def find_device(tenant_id: UUID, device_id: UUID) -> Device:
    """One of the tenant's devices, locked; within its transaction. Raises DeviceNotFound."""
    rows = Device.objects.select_for_update().filter(tenant_id=tenant_id, id=device_id)
    row = rows.first()
    if row is None:
        raise DeviceNotFound("no such device")
    return row


def get_device(tenant_id: UUID, device_id: UUID) -> DeviceInfo:
    """One of the tenant's devices. Raises DeviceNotFound."""
    with tenant(tenant_id):
        row = Device.objects.filter(tenant_id=tenant_id, id=device_id).first()
    if row is None:
        raise DeviceNotFound("no such device")
    return device_info(row)


def usernames(tenant_id: UUID, devices: frozenset[UUID]) -> Mapping[UUID, str]:
    """User name of those of the devices that are the tenant's; within its transaction."""
    rows = Device.objects.filter(tenant_id=tenant_id, id__in=devices)
    return dict(rows.values_list("id", "username"))


def routing_devices() -> tuple[RoutingDevice, ...]:
    """All enabled devices with what they are recognised by, for the call plane. Read as its role,
    opened for the current use.

    A device whose credentials do not open is left out: it could not be told from a stranger.
    Raises PurposeRequired, Refused, Unavailable.
    """
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_routing_devices()")
        columns = [column.name for column in cursor.description]
        rows = [Device(**dict(zip(columns, row, strict=True))) for row in cursor.fetchall()]
    found = map(_routing_device, rows, open_fields(rows, *_SECRETS))
    return tuple(device for device in found if device is not None)


def _routing_device(row: Device, opened: dict[str, Opened]) -> RoutingDevice | None:
    error = next((item.error for item in opened.values() if item.error), None)
    if error is not None:
        kv = {"device": row.id.hex, "code": error}
        _log.error("device left out, its credentials do not open", extra={"kv": kv})
        return None
    md5, sha256 = (opened[name].value for name in _SECRETS)
    return RoutingDevice(row.id, row.tenant_id, row.username, md5, sha256)
