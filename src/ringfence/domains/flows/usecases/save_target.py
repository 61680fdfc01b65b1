"""A tenant names a destination, or changes one."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.flows import limits
from ringfence.domains.flows.contracts import InvalidTarget, NewTarget, TargetInfo, TargetKind
from ringfence.domains.flows.limits import check_room
from ringfence.domains.flows.models import Target
from ringfence.domains.flows.neighbours import device_names
from ringfence.domains.flows.queries import find_target, target_info
from ringfence.domains.flows.rules.addresses import is_e164, is_sip_uri
from ringfence.domains.flows.text import checked_name
from ringfence.domains.trunks import api as trunks
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import tenant

_NEEDS = {
    TargetKind.NUMBER: {"trunk_id", "number"},
    TargetKind.SIP: {"uri"},
    TargetKind.DEVICE: {"device_id"},
}
_PUBLIC = {"trunk_id": "trunk", "number": "number", "uri": "sip", "device_id": "device"}
"""Field by its name in the API."""


def create_target(tenant_id: UUID, new: NewTarget) -> TargetInfo:
    """Raises InvalidTarget, TooMany."""
    with tenant(tenant_id):
        check_room(Target.objects.filter(tenant_id=tenant_id), limits.MAX_TARGETS)
        row = Target(id=new_id(), tenant_id=tenant_id, created_at=clock().now())
        _fill(row, new)
        row.save(force_insert=True)
    return target_info(row)


def change_target(tenant_id: UUID, target_id: UUID, new: NewTarget) -> TargetInfo:
    """Calls that start from now on get it as it is then. Raises TargetNotFound, InvalidTarget."""
    with tenant(tenant_id):
        row = find_target(tenant_id, target_id)
        _fill(row, new)
        row.save(force_update=True)
    return target_info(row)


def _fill(row: Target, new: NewTarget) -> None:
    given = {field for field in _PUBLIC if getattr(new, field) is not None}
    for field in sorted(given ^ _NEEDS[new.kind]):
        problem = "is needed" if field not in given else "has no place"
        raise _refuse(_PUBLIC[field], f"{problem} in a target of the kind {new.kind.value}")
    row.name = checked_name(new.name, InvalidTarget)
    row.kind = new.kind.value
    row.trunk_id, row.device_id, row.enabled = new.trunk_id, new.device_id, new.enabled
    row.number, row.uri = new.number, new.uri
    if new.number is not None and not is_e164(new.number):
        raise _refuse("number", "is a number like +15551234567")
    if new.uri is not None and not is_sip_uri(new.uri):
        raise _refuse("sip", "is a URI like sip:user@host")
    if new.trunk_id is not None and not trunks.usable_by(row.tenant_id, frozenset({new.trunk_id})):
        raise _refuse("trunk", "names no trunk that the tenant may use")
    if new.device_id is not None and not device_names(row.tenant_id, frozenset({new.device_id})):
        raise _refuse("device", "names no device of the tenant")


def _refuse(field: str, problem: str) -> InvalidTarget:
    return InvalidTarget(f"{field}: {problem}", details={"field": field})
