"""What somebody may do in a role, in a tenant or for the operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ringfence.policies.roles import Cell, Matrix

HOME = "US"
"""Where staff may export from."""


@dataclass(frozen=True, slots=True)
class Access:
    """The permissions of a session."""

    permissions: frozenset[str]
    step_up: frozenset[str] = frozenset()
    """Those that need a fresh authentication."""
    mfa_required: bool = False
    may_export: bool = True


def of_role(matrix: Matrix, role: str, *, tenant_requires_mfa: bool = False) -> Access:
    """Of a built-in role among its own: of a tenant's member, or of staff at the operator's."""
    return Access(
        permissions=matrix.of(role, Cell.ALLOWED, Cell.STEP_UP),
        step_up=matrix.of(role, Cell.STEP_UP),
        mfa_required=matrix.roles[role].mfa_required or tenant_requires_mfa,
    )


def of_custom_role(
    matrix: Matrix,
    permissions: Iterable[str],
    *,
    mfa_required: bool = False,
    tenant_requires_mfa: bool = False,
) -> Access:
    """Of a role that a tenant made: what it lists of what an owner may, with an owner's step-up.

    It needs a second factor also where it may something that no role without one may, or whoever
    makes roles would make administrators who sign in by a password alone.
    """
    owner = of_role(matrix, "owner")
    kept = owner.permissions & frozenset(permissions)
    return Access(
        permissions=kept,
        step_up=owner.step_up & kept,
        mfa_required=mfa_required or tenant_requires_mfa or not kept <= _by_password(matrix),
    )


def _by_password(matrix: Matrix) -> frozenset[str]:
    """What some role of a tenant may without a second factor."""
    weak = (r.name for r in matrix.roles.values() if r.realm == "tenant" and not r.mfa_required)
    return frozenset().union(*(of_role(matrix, name).permissions for name in weak))


def under_grant(matrix: Matrix, role: str, work_location: str) -> Access:
    """Of the operator's staff in a tenant that let them in."""
    return Access(
        permissions=matrix.of(role, Cell.GRANTED),
        mfa_required=True,
        may_export=work_location == HOME,
    )


def may_give(giver: Iterable[str], given: Iterable[str]) -> bool:
    """Nobody gives what they have not."""
    return frozenset(given) <= frozenset(giver)
