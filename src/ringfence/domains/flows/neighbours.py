"""What flows ask of domains that themselves refer to flows.

Numbers route to flows, so flows must not import numbers: numbers, and whoever keeps devices, say
here how they are asked, when their app is ready. Nobody there means that nothing of theirs exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

OwnedNumbers = Callable[[UUID, frozenset[str]], frozenset[str]]
"""(tenant, E.164 numbers) -> those of them that are active numbers of the tenant."""
RoutedNumbers = Callable[[UUID, UUID], tuple[str, ...]]
"""(tenant, flow) -> E.164 of the tenant's active numbers whose calls get the flow."""
DeviceNames = Callable[[UUID, frozenset[UUID]], Mapping[UUID, str]]
"""(tenant, devices) -> user name of those of them that are the tenant's."""


def _no_numbers(tenant_id: UUID, numbers: frozenset[str]) -> frozenset[str]:
    return frozenset()


def _not_routed(tenant_id: UUID, flow_id: UUID) -> tuple[str, ...]:
    return ()


def _no_devices(tenant_id: UUID, devices: frozenset[UUID]) -> Mapping[UUID, str]:
    return {}


_owned: OwnedNumbers = _no_numbers
_routed: RoutedNumbers = _not_routed
_devices: DeviceNames = _no_devices


def know_numbers(owned: OwnedNumbers, routed: RoutedNumbers) -> None:
    """Called once, by the domain that keeps numbers."""
    global _owned, _routed
    _owned, _routed = owned, routed


def know_devices(names: DeviceNames) -> None:
    """Called once, by the domain that keeps devices. Within a transaction of the tenant."""
    global _devices
    _devices = names


def owned_numbers(tenant_id: UUID, numbers: frozenset[str]) -> frozenset[str]:
    return _owned(tenant_id, numbers) if numbers else frozenset()


def routed_numbers(tenant_id: UUID, flow_id: UUID) -> tuple[str, ...]:
    return _routed(tenant_id, flow_id)


def device_names(tenant_id: UUID, devices: frozenset[UUID]) -> Mapping[UUID, str]:
    return _devices(tenant_id, devices) if devices else {}
