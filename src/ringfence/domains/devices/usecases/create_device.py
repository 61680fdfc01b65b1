"""A tenant gets a phone."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError
from psycopg.errors import UniqueViolation

from ringfence.domains.devices.contracts import (
    DeviceSecret,
    DeviceUsernameConflict,
    NewDevice,
    TooManyDevices,
)
from ringfence.domains.devices.models import Device
from ringfence.domains.devices.queries import device_info
from ringfence.domains.devices.rules.validation import check_name, check_username
from ringfence.domains.devices.usecases.passwords import made_up_username, set_password
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import tenant

MAX_DEVICES = 5_000
"""Devices that a tenant may have."""
_ATTEMPTS = 5
"""How often a user name is made up that somebody has already."""


def create_device(tenant_id: UUID, new: NewDevice) -> DeviceSecret:
    """Make a device of the tenant. It may register within 2 s.

    Raises InvalidDevice, DeviceUsernameConflict, TooManyDevices; Unavailable while `keys` is away.
    """
    name = check_name(new.name)
    if new.username is not None:
        check_username(new.username)
        return _create(tenant_id, new, name, new.username)
    for _ in range(_ATTEMPTS - 1):
        try:
            return _create(tenant_id, new, name, made_up_username())
        except DeviceUsernameConflict:
            continue
    return _create(tenant_id, new, name, made_up_username())


def _create(tenant_id: UUID, new: NewDevice, name: str, username: str) -> DeviceSecret:
    row = Device(
        id=new_id(),
        tenant_id=tenant_id,
        name=name,
        username=username,
        enabled=new.enabled,
        created_at=clock().now(),
    )
    made_up = set_password(row, new.password)
    try:
        with tenant(tenant_id):
            if Device.objects.filter(tenant_id=tenant_id).count() >= MAX_DEVICES:
                raise TooManyDevices("no more devices", details={"limit": MAX_DEVICES})
            row.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise DeviceUsernameConflict("another device has this user name") from None
        raise
    return DeviceSecret(device_info(row), made_up)
