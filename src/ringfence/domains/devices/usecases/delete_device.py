"""A tenant gives a phone away."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.devices.contracts import DeviceInUse
from ringfence.domains.devices.queries import find_device
from ringfence.domains.flows import api as flows
from ringfence.platform_django.tenancy import tenant

_NAMED = 10


def delete_device(tenant_id: UUID, device_id: UUID) -> None:
    """Remove a device that no target and no published flow names. Calls in progress go on; the
    call plane learns of it within 2 s.

    Raises DeviceNotFound, DeviceInUse.
    """
    with tenant(tenant_id):
        row = find_device(tenant_id, device_id)
        used_by = flows.leading_to_device(tenant_id, device_id)
        if used_by:
            raise DeviceInUse(
                "calls are led to this device", details={"used_by": list(used_by[:_NAMED])}
            )
        row.delete()
