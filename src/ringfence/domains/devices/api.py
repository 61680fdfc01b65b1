"""Devices, for other domains and the entrances."""

from ringfence.domains.devices.queries import (
    get_device,
    list_all_devices,
    list_devices,
    routing_devices,
    usernames,
)
from ringfence.domains.devices.usecases.change_device import change_device
from ringfence.domains.devices.usecases.create_device import create_device
from ringfence.domains.devices.usecases.delete_device import delete_device
from ringfence.domains.devices.usecases.rotate_password import rotate_password

__all__ = [
    "change_device",
    "create_device",
    "delete_device",
    "get_device",
    "list_all_devices",
    "list_devices",
    "rotate_password",
    "routing_devices",
    "usernames",
]
