"""Whoever was invited becomes a member."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from django.db import connections

from ringfence.domains.identity.contracts import (
    AlreadyMember,
    InvitationUnusable,
    MembershipInfo,
    OfferInfo,
)
from ringfence.domains.identity.models import Invitation, Membership
from ringfence.domains.identity.queries import token_hash
from ringfence.domains.identity.usecases.attest_age import require_age
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import APP, across_tenants, tenant
from ringfence.platform_django.use import using


class _Found(NamedTuple):
    id: UUID
    tenant_id: UUID | None
    tenant_name: str | None


def get_offer(token: str) -> OfferInfo:
    """What a token invites to, without accepting it. Raises InvitationUnusable."""
    found = _found(token)
    if found.tenant_id is None:
        with across_tenants("show invitation") as db:
            return _offer(db, found)
    with tenant(found.tenant_id):
        return _offer(APP, found)


def accept_invitation(token: str, user_id: UUID, email: str) -> MembershipInfo:
    """Make a member of who is signed in with the invited address; a token does so once.

    Raises InvitationUnusable, AlreadyMember, AgeNotAttested.
    """
    found = _found(token)
    if found.tenant_id is None:
        with across_tenants("accept invitation") as db:
            return _accept(db, found, user_id, email)
    with tenant(found.tenant_id):
        return _accept(APP, found, user_id, email)


def _found(token: str) -> _Found:
    digest = token_hash(token)
    row = None
    if digest is not None:
        with connections[APP].cursor() as cursor:
            cursor.execute(
                "SELECT * FROM ringfence_find_invitation(%s, %s)", [digest, clock().now()]
            )
            row = cursor.fetchone()
    if row is None:
        raise InvitationUnusable("the link was used, taken back or is too old")
    return _Found(*row)


def _email(row: Invitation) -> str:
    with using("service", "job:invitation"):
        opened = open_fields([row], "email_sealed")[0]["email_sealed"]
    if opened.value is None:
        raise InvitationUnusable("the invitation does not open any more")
    email: str = opened.value
    return email


def _offer(db: str, found: _Found) -> OfferInfo:
    row = Invitation.objects.using(db).select_related("custom_role").get(id=found.id)
    role = row.role if row.custom_role is None else row.custom_role.name
    return OfferInfo(row.id, row.tenant_id, found.tenant_name or "Operator", _email(row), role)


def _accept(db: str, found: _Found, user_id: UUID, email: str) -> MembershipInfo:
    now = clock().now()
    rows = Invitation.objects.using(db).select_for_update()
    row = rows.filter(id=found.id, accepted_at=None, revoked_at=None, expires_at__gt=now).first()
    if row is None or _email(row) != email.lower():
        raise InvitationUnusable("the link was used or taken back, or it is somebody else's")
    members = Membership.objects.using(db)
    if members.filter(tenant_id=row.tenant_id, user_id=user_id).exists():
        raise AlreadyMember("you are a member already")
    require_age(user_id, row.tenant_id)
    row.accepted_at = now
    row.save(using=db, update_fields=["accepted_at"])
    made = members.create(
        tenant_id=row.tenant_id,
        user_id=user_id,
        role=row.role,
        custom_role_id=row.custom_role_id,
        work_location=row.work_location,
        created_at=now,
    )
    return MembershipInfo(made.id, made.tenant_id, found.tenant_name or "Operator", made.role)
