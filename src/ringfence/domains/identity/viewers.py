"""The audit trail of an object, with the names of who acted."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.api import list_api_keys
from ringfence.domains.identity.contracts import ViewerInfo, ViewerKind
from ringfence.domains.identity.models import AccessGrant
from ringfence.domains.identity.queries import member_emails, staff_emails
from ringfence.platform_django.audit.contracts import UseInfo
from ringfence.platform_django.audit.queries import list_uses
from ringfence.platform_django.tenancy import across_tenants, tenant


def list_viewers(
    tenant_id: UUID, object_id: str, *, before: UUID | None = None, limit: int = 50
) -> tuple[tuple[ViewerInfo, ...], UUID | None]:
    """Who opened values of an object of the tenant, newest first, and the cursor to go on with."""
    page = list_uses(tenant_id, object_id=object_id, before=before, limit=limit)
    members = member_emails(tenant_id)
    keys = {info.id: info.name for info in list_api_keys(tenant_id)}
    with across_tenants("name staff"):
        staff = staff_emails()
    with tenant(tenant_id):
        grants = {row.id: row.reason for row in AccessGrant.objects.all()}
    found = tuple(_viewer(use, members, staff, keys, grants) for use in page.uses)
    return found, page.next_cursor


def _viewer(
    use: UseInfo,
    members: dict[UUID, str],
    staff: dict[UUID, str],
    keys: dict[UUID, str],
    grants: dict[UUID, str],
) -> ViewerInfo:
    name, _, leave = use.actor.partition("/")
    kind, _, text = name.partition(":")
    leave_kind, _, leave_text = leave.partition(":")
    who = _id(text)
    grant = _id(leave_text) if leave_kind == "grant" else None
    case = _id(leave_text) if leave_kind == "case" else None
    shown: tuple[ViewerKind, str] = ("software", use.actor)
    if who is not None and kind == "user":
        no_leave = grant is None and case is None
        if no_leave and who in members:
            shown = ("member", members[who])
        elif no_leave:
            shown = ("member", "a former member")
        else:
            shown = ("staff", staff.get(who, "former staff of the operator"))
    elif who is not None and kind == "key":
        shown = ("key", keys.get(who, "a key of the operator"))
    elif who is not None and kind == "client":
        shown = ("client", text)
    return ViewerInfo(
        id=use.id,
        at=use.at,
        kind=shown[0],
        who=shown[1],
        actor=use.actor,
        purpose=use.purpose,
        grant_id=grant,
        reason=None if grant is None else grants.get(grant),
        case_id=case,
        outcome=use.outcome,
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(hex=text)
    except ValueError:
        return None
