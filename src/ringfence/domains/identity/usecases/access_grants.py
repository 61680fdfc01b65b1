"""The operator's staff ask a tenant to be let in; the tenant approves, denies or revokes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from ringfence.domains.accounts.api import get_any_tenant, get_settings
from ringfence.domains.identity.contracts import (
    AccessRefused,
    GrantDecided,
    GrantInfo,
    GrantNotFound,
    InvalidAccessRequest,
    LocationRefused,
    MemberNotFound,
)
from ringfence.domains.identity.models import AccessGrant, Membership
from ringfence.domains.identity.queries import staff_emails
from ringfence.domains.identity.rules.access import HOME
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import across_tenants, tenant

MAX_MINUTES = 8 * 60
MAX_REASON = 500


def request_access(staff: Caller, tenant_id: UUID, reason: str, minutes: int) -> GrantInfo:
    """Ask to be let in to a tenant, from now on for some minutes; the tenant's settings say whether
    that is granted at once.

    Raises TenantNotFound, InvalidAccessRequest, AccessRefused, LocationRefused.
    """
    reason = reason.strip()
    if not 10 <= len(reason) <= MAX_REASON or not 1 <= minutes <= MAX_MINUTES:
        raise InvalidAccessRequest(
            f"a reason has 10 to {MAX_REASON} characters, access 1 to {MAX_MINUTES} minutes"
        )
    get_any_tenant(tenant_id)
    settled = get_settings(tenant_id)
    if settled.staff_access == "never":
        raise AccessRefused("this tenant lets in nobody")
    now, seat = clock().now(), _seat(staff.credential_id)
    if settled.us_staff_only and seat.work_location != HOME:
        raise LocationRefused("this tenant lets in staff who work in the United States alone")
    row = AccessGrant(
        tenant_id=tenant_id,
        staff_id=staff.credential_id,
        reason=reason,
        minutes=minutes,
        requested_at=now,
    )
    if settled.staff_access == "automatic":
        _start(row, "settings", now)
    with tenant(tenant_id):
        row.save()
    return _info([row], now)[0]


def decide_access(
    caller: Caller, grant_id: UUID, decision: Literal["approve", "deny", "revoke"]
) -> GrantInfo:
    """Let the staff in, or not, or not any longer: from their next request on.

    Raises GrantNotFound, GrantDecided when it was decided or is over.
    """
    now = clock().now()
    with tenant(caller.tenant_id):
        row = AccessGrant.objects.select_for_update().filter(id=grant_id).first()
        if row is None:
            raise GrantNotFound("no such access grant")
        state = state_of(row, now)
        if decision == "revoke":
            if state != "active":
                raise GrantDecided("this access is not in force")
            row.revoked_at, row.revoked_by = now, caller.actor
        elif state != "requested":
            raise GrantDecided("this was decided already")
        elif decision == "approve":
            _start(row, caller.actor, now)
        else:
            row.denied, row.decided_at, row.decided_by = True, now, caller.actor
        row.save()
    return _info([row], now)[0]


def end_access(staff: Caller, grant_id: UUID) -> GrantInfo:
    """Staff give back what they were granted, or take back what they asked for.

    Raises GrantNotFound, GrantDecided.
    """
    now = clock().now()
    with across_tenants("end access") as db:
        rows = AccessGrant.objects.using(db).select_for_update()
        row = rows.filter(id=grant_id, staff_id=staff.credential_id).first()
        if row is None:
            raise GrantNotFound("no such access grant")
        if state_of(row, now) not in ("active", "requested"):
            raise GrantDecided("this access is over")
        row.revoked_at, row.revoked_by = now, staff.actor
        row.save(using=db)
    return _info([row], now)[0]


def grants_of_tenant(tenant_id: UUID) -> tuple[GrantInfo, ...]:
    """Who of the operator's staff asked to be let in, and when they were; newest first."""
    with tenant(tenant_id):
        rows = list(AccessGrant.objects.order_by("-id")[:200])
    return _info(rows, clock().now())


def grants_of_staff(staff_id: UUID) -> tuple[GrantInfo, ...]:
    """What one of the operator's staff asked for, newest first."""
    with across_tenants("list own access") as db:
        rows = list(AccessGrant.objects.using(db).filter(staff_id=staff_id).order_by("-id")[:200])
    return _info(rows, clock().now())


def get_grant(tenant_id: UUID, grant_id: UUID) -> GrantInfo:
    """Raises GrantNotFound."""
    with tenant(tenant_id):
        row = AccessGrant.objects.filter(id=grant_id).first()
    if row is None:
        raise GrantNotFound("no such access grant")
    return _info([row], clock().now())[0]


def state_of(row: AccessGrant, now: datetime) -> str:
    """``requested``, ``active``, ``expired``, ``denied`` or ``revoked``."""
    if row.denied:
        return "denied"
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is None:
        waited = now - row.requested_at
        return "requested" if waited < timedelta(days=1) else "expired"
    return "active" if now < row.expires_at else "expired"


def _start(row: AccessGrant, by: str, now: datetime) -> None:
    row.decided_at, row.decided_by = now, by
    row.starts_at, row.expires_at = now, now + timedelta(minutes=row.minutes)


def _seat(staff_id: UUID) -> Membership:
    with across_tenants("find staff") as db:
        row = Membership.objects.using(db).filter(tenant_id=None, user_id=staff_id).first()
    if row is None:
        raise MemberNotFound("only people of the operator's staff are let in")
    return row


def _info(rows: Sequence[AccessGrant], now: datetime) -> tuple[GrantInfo, ...]:
    with across_tenants("name staff") as db:
        seats = {seat.user_id: seat for seat in Membership.objects.using(db).filter(tenant_id=None)}
        emails = staff_emails()
    return tuple(
        GrantInfo(
            id=row.id,
            tenant_id=row.tenant_id,
            staff_id=row.staff_id,
            staff_email=emails.get(row.staff_id, ""),
            staff_role=seats[row.staff_id].role if row.staff_id in seats else "",
            work_location=seats[row.staff_id].work_location if row.staff_id in seats else "",
            reason=row.reason,
            minutes=row.minutes,
            state=state_of(row, now),
            requested_at=row.requested_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    )
