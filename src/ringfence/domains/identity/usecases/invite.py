"""Somebody is invited to a tenant, or to the operator's staff."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.identity.contracts import (
    HasOwner,
    InvalidEmail,
    InvalidLocation,
    InvitationNotFound,
    NewInvitation,
    UnknownRole,
)
from ringfence.domains.identity.models import Invitation, Membership, Role
from ringfence.domains.identity.queries import invitation_info, token_hash
from ringfence.domains.identity.usecases.roles import checked_role
from ringfence.kernel.fields import IDENTIFIER, INSTALLATION, INVITATIONS
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.http import Caller
from ringfence.platform_django.keys import keys
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.sealed import day_of, seal_field
from ringfence.platform_django.tenancy import APP, across_tenants, tenant
from ringfence.policies.roles import matrix

VALID = timedelta(days=7)
_COUNTRY = re.compile(r"[A-Z]{2}")


def invite_member(
    giver: Caller, email: str, role: str, role_id: UUID | None = None
) -> NewInvitation:
    """Invite somebody to the caller's tenant, by mail. Whether they have an account already is told
    to nobody.

    Raises InvalidEmail, UnknownRole, RoleRefused.
    """
    with tenant(giver.tenant_id):
        name, custom = checked_role(giver, role, role_id)
        return _invite(APP, giver.tenant_id, email, name, custom, giver.actor)


def invite_owner(tenant_id: UUID, email: str, actor: str) -> NewInvitation:
    """Invite the first owner of a tenant, for whoever manages it. Raises InvalidEmail, HasOwner."""
    with tenant(tenant_id):
        if Membership.objects.filter(role="owner").exists():
            raise HasOwner("the owner invites everybody else")
        return _invite(APP, tenant_id, email, "owner", None, actor)


def invite_staff(email: str, role: str, work_location: str, actor: str) -> NewInvitation:
    """Invite somebody to the operator's staff.

    Raises InvalidEmail, UnknownRole, InvalidLocation.
    """
    info = matrix().roles.get(role)
    if info is None or info.realm != "operator":
        raise UnknownRole("there is no such role of the operator's staff")
    with across_tenants("invite staff") as db:
        location = checked_location(work_location)
        return _invite(db, None, email, role, None, actor, location)


def checked_location(country: str) -> str:
    """Raises InvalidLocation."""
    if country and not _COUNTRY.fullmatch(country):
        raise InvalidLocation("a work location is a country's two letters, such as US")
    return country


def checked_email(email: str) -> str:
    """The address in the form that is compared. Raises InvalidEmail."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidEmail("this is no e-mail address") from None
    if len(email) > 254:
        raise InvalidEmail("this is no e-mail address")
    return email


def revoke_invitation(tenant_id: UUID | None, invitation_id: UUID) -> None:
    """Take an invitation back; again, or of one that was accepted, changes nothing.

    Raises InvitationNotFound.
    """
    if tenant_id is None:
        with across_tenants("revoke invitation") as db:
            _revoke(db, None, invitation_id)
    else:
        with tenant(tenant_id):
            _revoke(APP, tenant_id, invitation_id)


def _revoke(db: str, tenant_id: UUID | None, invitation_id: UUID) -> None:
    rows = Invitation.objects.using(db).select_for_update()
    row = rows.filter(id=invitation_id, tenant_id=tenant_id).first()
    if row is None:
        raise InvitationNotFound("no such invitation")
    if row.accepted_at is None and row.revoked_at is None:
        row.revoked_at = clock().now()
        row.save(using=db, update_fields=["revoked_at"])


def _invite(
    db: str,
    tenant_id: UUID | None,
    email: str,
    role: str,
    custom: Role | None,
    actor: str,
    work_location: str = "",
) -> NewInvitation:
    email, now, token = checked_email(email), clock().now(), secrets.token_urlsafe(32)
    id_, owner = new_id(), tenant_id or INSTALLATION
    bucket = Bucket(IDENTIFIER, INVITATIONS, day=day_of(id_))
    (person,) = keys().resolve(owner, [Identifier("email", email)], seal=(bucket,))
    row = Invitation(
        id=id_,
        tenant_id=tenant_id,
        invitee_id=person.person,
        role=role,
        custom_role=custom,
        work_location=work_location,
        token_hash=token_hash(token),
        invited_by=actor,
        created_at=now,
        expires_at=now + VALID,
    )
    row.email_sealed = seal_field(row, "email_sealed", email)
    row.save(using=db)
    _send(db, email, token, tenant_id)
    return NewInvitation(invitation_info(row, email), token)


def invitation_url(token: str) -> str:
    """Where an invitation is accepted."""
    return f"{settings.RINGFENCE.public_url}/accounts/invitation/{token}/"


def _send(db: str, email: str, token: str, tenant_id: UUID | None) -> None:
    name = "the operator's team" if tenant_id is None else get_any_tenant(tenant_id).name
    queue_mail(
        email,
        f"Invitation to {name}",
        f"You are invited to join {name} on Ringfence.\n\nAccept within {VALID.days} days:\n"
        f"{invitation_url(token)}\n\nIf you expected no invitation, do nothing.\n",
        db=db,
    )
