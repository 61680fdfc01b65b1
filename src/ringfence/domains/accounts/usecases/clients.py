"""OAuth clients of a tenant: made, changed, given another secret, revoked."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ringfence.domains.accounts.contracts import (
    ALL_SCOPES,
    ClientEnded,
    ClientInfo,
    ClientNotFound,
    NewClient,
    RotationOpen,
    TooManyClients,
    Wanted,
)
from ringfence.domains.accounts.credentials import tenant_requests_per_minute
from ringfence.domains.accounts.models import AccessToken, OAuthClient
from ringfence.domains.accounts.queries import client_info
from ringfence.domains.accounts.secrets import CLIENT_PREFIX, hash_of, new_secret
from ringfence.domains.accounts.usecases.change_api_key import change_credential
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.domains.accounts.usecases.granting import (
    check_grant,
    check_tenant_limit,
    checked,
    still_valid,
)
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import tenant

MAX_CLIENTS = 200
"""Valid clients of one tenant."""


def create_client(grantor: Caller, name: str, wanted: Wanted) -> NewClient:
    """A credential or a member of a tenant makes a client, which can do nothing that they cannot.

    Raises InvalidName, UnknownScope, UnknownPurpose, InvalidExpiry, InvalidNetwork, LimitTooHigh,
    GrantRefused, TooManyClients.
    """
    wanted, name, now = checked(wanted, ALL_SCOPES), checked_name(name), clock().now()
    check_grant(grantor, wanted)
    check_tenant_limit(tenant_requests_per_minute(grantor.tenant_id), wanted.requests_per_minute)
    with tenant(grantor.tenant_id):
        if OAuthClient.objects.filter(still_valid(now)).count() >= MAX_CLIENTS:
            raise TooManyClients(
                "there are as many clients as there may be", details={"limit": MAX_CLIENTS}
            )
        secret = new_secret(CLIENT_PREFIX)
        row = OAuthClient.objects.create(
            tenant_id=grantor.tenant_id,
            name=name,
            secret_hash=hash_of(CLIENT_PREFIX, secret),
            last4=secret[-4:],
            scopes=list(wanted.scopes),
            purposes=list(wanted.purposes),
            allowed_networks=list(wanted.allowed_networks),
            requests_per_minute=wanted.requests_per_minute,
            created_at=now,
            expires_at=wanted.expires_at,
        )
    return NewClient(client_info(row), secret)


def change_client(by: Caller, client_id: UUID, changes: dict[str, object]) -> ClientInfo:
    """Change a client of the caller's tenant. Raises ClientNotFound, and as
    ``change_credential``."""
    with tenant(by.tenant_id):
        row = _locked(client_id)
        change_credential(row, by, changes)
    return client_info(row)


def rotate_client_secret(by: Caller, client_id: UUID, grace: timedelta) -> NewClient:
    """Make another secret. The one in force stays valid for ``grace``; without any, it and all the
    client's tokens end now, as after a leak.

    Raises ClientNotFound, ClientEnded, RotationOpen, GrantRefused where the client may do what
    whoever gets its secret may not.
    """
    now = clock().now()
    with tenant(by.tenant_id):
        row = _locked(client_id)
        if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
            raise ClientEnded("the client was revoked, or its time is over")
        check_grant(
            by,
            Wanted(
                tuple(row.scopes),
                tuple(row.purposes),
                row.expires_at,
                tuple(row.allowed_networks),
                row.requests_per_minute,
            ),
        )
        two = row.previous_until is not None and row.previous_until > now
        if grace and two and row.previous_until is not None:
            raise RotationOpen(
                "two secrets are valid", details={"until": row.previous_until.isoformat()}
            )
        secret = new_secret(CLIENT_PREFIX)
        previous = (row.secret_hash, row.last4, now + grace) if grace else (None, None, None)
        row.previous_hash, row.previous_last4, row.previous_until = previous
        row.secret_hash, row.last4 = hash_of(CLIENT_PREFIX, secret), secret[-4:]
        row.save(
            update_fields=[
                *("previous_hash", "previous_last4", "previous_until"),
                *("secret_hash", "last4"),
            ]
        )
        if not grace:
            AccessToken.objects.filter(client=row).delete()
    return NewClient(client_info(row), secret)


def revoke_client(tenant_id: UUID, client_id: UUID) -> ClientInfo:
    """End a client and its tokens for good, from their next request on; again changes nothing.
    Raises ClientNotFound."""
    with tenant(tenant_id):
        row = _locked(client_id)
        if row.revoked_at is None:
            row.revoked_at = clock().now()
            row.save(update_fields=["revoked_at"])
            AccessToken.objects.filter(client=row).delete()
    return client_info(row)


def _locked(client_id: UUID) -> OAuthClient:
    row = OAuthClient.objects.select_for_update().filter(id=client_id).first()
    if row is None:
        raise ClientNotFound("no such client")
    return row
