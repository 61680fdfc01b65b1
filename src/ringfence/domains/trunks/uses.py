"""Who uses trunks: domains that lead calls over them say so here, when they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

FindUses = Callable[[UUID, UUID], tuple[str, ...]]
"""Public ids of some of a tenant's objects that need a trunk; arguments: tenant, trunk."""

_finders: list[FindUses] = []


def register_uses(find: FindUses) -> None:
    """Keep trunks that ``find`` finds a use of from being deleted. It runs in the tenant's
    transaction."""
    _finders.append(find)


def uses_of(tenant_id: UUID, trunk_id: UUID) -> tuple[str, ...]:
    """Public ids of the tenant's objects that need the trunk."""
    return tuple(found for find in _finders for found in find(tenant_id, trunk_id))
