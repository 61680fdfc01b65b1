"""A tenant renames a phone of its own, or takes it out of service for a while."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.devices.contracts import DeviceInfo
from ringfence.domains.devices.queries import device_info, find_device
from ringfence.domains.devices.rules.validation import check_name
from ringfence.platform_django.tenancy import tenant


def change_device(tenant_id: UUID, device_id: UUID, *, name: str, enabled: bool) -> DeviceInfo:
    """A device that is not enabled is unknown to the call plane within 2 s: no call reaches it.

    Raises DeviceNotFound, InvalidDevice.
    """
    checked = check_name(name)
    with tenant(tenant_id):
        row = find_device(tenant_id, device_id)
        row.name, row.enabled = checked, enabled
        row.save(update_fields=["name", "enabled"])
        return device_info(row)
