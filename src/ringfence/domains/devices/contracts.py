"""What other domains and the entrances see of devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What creates a device. Without ``username`` or ``password`` one is made up."""

    name: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A desk phone or softphone of a tenant, without what it proves itself by."""

    id: UUID
    tenant_id: UUID
    name: str
    username: str
    """Of the whole installation, unique: what the phone logs in as."""
    enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceSecret:
    """A device, and its password where it was made up just now: it cannot be shown again."""

    info: DeviceInfo
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some of a tenant's devices, newest first."""

    devices: tuple[DeviceInfo, ...]
    next_cursor: UUID | None
    """``before`` of the next page; None at the end."""


@dataclass(frozen=True, slots=True)
class RoutingDevice:
    """A device as the call plane needs it."""

    id: UUID
    tenant_id: UUID
    username: str
    ha1_md5: str = field(repr=False)
    ha1_sha256: str = field(repr=False)
    """H(username:realm:password), hex."""


class DeviceNotFound(NotFound):
    """No such device for this tenant."""

    code = "device_not_found"


class InvalidDevice(InvalidInput):
    """A field of the device cannot be accepted; ``details.field`` names it."""

    code = "invalid_device"


class DeviceUsernameConflict(InvalidInput):
    """Another device of the installation has this user name."""

    code = "device_username_conflict"
    http_status = 409


class DeviceInUse(RingfenceError):
    """Targets or published flows lead calls to the device; ``details.used_by`` names some."""

    code = "device_in_use"
    http_status = 409


class TooManyDevices(RingfenceError):
    """The tenant has as many devices as it may have."""

    code = "too_many_devices"
    http_status = 409
