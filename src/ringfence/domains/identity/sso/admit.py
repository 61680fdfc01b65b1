"""Whom a provider vouches for becomes a member, once, if the tenant wants that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress

from ringfence.domains.identity.models import (
    Invitation,
    Membership,
    Role,
    SsoConnection,
    SsoDomain,
    User,
)
from ringfence.domains.identity.queries import seats_of
from ringfence.domains.identity.rules import access
from ringfence.domains.identity.rules import sso as rules
from ringfence.domains.identity.sso.contracts import SignInRefused, Vouched
from ringfence.domains.identity.usecases.attest_age import attest_age, lacks_age, minimum_age
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import tenant
from ringfence.platform_django.use import using
from ringfence.policies.roles import matrix


@dataclass(frozen=True, slots=True)
class Place:
    """The role that waits for somebody, and the invitation that it comes from."""

    role: str
    custom_role: Role | None
    invitation: Invitation | None
    proven: bool
    """The address is of a domain that the tenant proved to be its own."""


def check_newcomer(vouched: Vouched, attested: int) -> Place:
    """What an account that is made for somebody whom the provider brings will be; ``attested``: as
    how old they said to be, in years.

    That there is an account with the address is told only of addresses that the tenant has a say
    in: its proven domains, and whom it invited. Raises SignInRefused.
    """
    with tenant(vouched.connection.tenant_id):
        place = _place(vouched)
    if has_account(vouched.email or ""):
        raise SignInRefused("account_exists")
    if attested < minimum_age(vouched.connection.tenant_id):
        raise SignInRefused("age_not_attested")
    return place


def has_account(email: str) -> bool:
    """Whether somebody signs in with this address."""
    return (
        User.objects.filter(email=email).exists()
        or EmailAddress.objects.filter(email__iexact=email).exists()
    )


def check_member(vouched: Vouched, user_id: UUID, attested: int) -> None:
    """Somebody whom the provider is known to vouch for is a member, or becomes one if they are
    invited anew: who was removed stays out. Raises SignInRefused."""
    if is_member(vouched, user_id):
        return
    with tenant(vouched.connection.tenant_id):
        place = _place(vouched)
        if place.invitation is None:
            raise SignInRefused("no_member")
        _sit(vouched, user_id, place, attested)


def is_member(vouched: Vouched, user_id: UUID) -> bool:
    """Of the tenant whose provider it is."""
    return any(seat.tenant_id == vouched.connection.tenant_id for seat in seats_of(user_id))


def seat(vouched: Vouched, user_id: UUID, attested: int) -> None:
    """Make the new account a member. Raises SignInRefused."""
    with tenant(vouched.connection.tenant_id):
        _sit(vouched, user_id, _place(vouched), attested)


def _place(vouched: Vouched) -> Place:
    """In the tenant's transaction. Raises SignInRefused."""
    if vouched.email is None:
        raise SignInRefused("email_unverified")
    row = SsoConnection.objects.select_related("custom_role").get(id=vouched.connection.id)
    proven = SsoDomain.objects.filter(
        connection_id=row.id,
        domain=vouched.email.rpartition("@")[2],
        verified_at__isnull=False,
    ).exists()
    invitation = _invitation(vouched, clock().now())
    if invitation is not None and _brings(row, invitation.role, invitation.custom_role):
        return Place(invitation.role, invitation.custom_role, invitation, proven)
    if proven and row.default_role and _brings(row, row.default_role, row.custom_role):
        return Place(row.default_role, row.custom_role, None, proven)
    raise SignInRefused("not_invited")


def _brings(row: SsoConnection, role: str, custom: Role | None) -> bool:
    """An owner comes by the mail alone, and nobody who may do more than whoever set this up: or an
    administrator could come back as one through a provider of theirs."""
    if role == "owner":
        return False
    granted = custom.permissions if custom else access.of_role(matrix(), role).permissions
    return rules.brings(granted, row.ceiling)


def _invitation(vouched: Vouched, now: datetime) -> Invitation | None:
    email, tenant_id = vouched.email or "", vouched.connection.tenant_id
    (person,) = keys().find(
        tenant_id, [Identifier("email", email)], purpose="security", actor="job:sso"
    )
    if person is None:
        return None
    rows = Invitation.objects.filter(
        invitee_id=person.person, accepted_at=None, revoked_at=None, expires_at__gt=now
    )
    waiting = list(rows.select_related("custom_role").order_by("-id")[:10])
    with using("security", "job:sso"):
        opened = open_fields(waiting, "email_sealed")
    for row, one in zip(waiting, opened, strict=True):
        if one["email_sealed"].value == email:
            return row
    return None


def _sit(vouched: Vouched, user_id: UUID, place: Place, attested: int) -> None:
    now, tenant_id = clock().now(), vouched.connection.tenant_id
    if lacks_age(user_id, tenant_id):
        if attested < minimum_age(tenant_id):
            raise SignInRefused("age_not_attested")
        attest_age(user_id, attested)
    if place.invitation is not None:
        taken = Invitation.objects.filter(
            id=place.invitation.id, accepted_at=None, revoked_at=None, expires_at__gt=now
        ).update(accepted_at=now)
        if not taken:
            raise SignInRefused("not_invited")
    Membership.objects.create(
        tenant_id=vouched.connection.tenant_id,
        user_id=user_id,
        role=place.role,
        custom_role=place.custom_role,
        created_at=now,
    )
