"""A phone gets another password."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.devices.contracts import DeviceSecret
from ringfence.domains.devices.queries import device_info, find_device
from ringfence.domains.devices.usecases.passwords import set_password
from ringfence.platform_django.tenancy import tenant


def rotate_password(tenant_id: UUID, device_id: UUID, password: str | None = None) -> DeviceSecret:
    """Replace the password by this one, or one that is made up. Within 2 s the old one is wrong,
    and whoever registered with it is not called any more.

    Raises DeviceNotFound, InvalidDevice; Unavailable while `keys` is away.
    """
    with tenant(tenant_id):
        row = find_device(tenant_id, device_id)
        made_up = set_password(row, password)
        row.save(update_fields=["ha1_md5_sealed", "ha1_sha256_sealed"])
        return DeviceSecret(device_info(row), made_up)
