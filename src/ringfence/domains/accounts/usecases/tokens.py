"""Access tokens of OAuth clients: issued, revoked, removed when they are over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from ringfence.domains.accounts.contracts import IssuedToken, Principal
from ringfence.domains.accounts.models import AccessToken
from ringfence.domains.accounts.secrets import TOKEN_PREFIX, hash_of, new_secret, secret_hash
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants, tenant

LIFE = timedelta(hours=1)


def issue_token(client: Principal, scopes: Iterable[str]) -> IssuedToken:
    """A token with some of the client's scopes, for an hour or until the client ends."""
    now = clock().now()
    ends = min(now + LIFE, client.expires_at or now + LIFE)
    granted = tuple(sorted(client.scopes & set(scopes)))
    token = new_secret(TOKEN_PREFIX)
    with tenant(client.tenant_id):
        AccessToken.objects.create(
            tenant_id=client.tenant_id,
            client_id=client.credential_id,
            token_hash=hash_of(TOKEN_PREFIX, token),
            scopes=list(granted),
            issued_at=now,
            expires_at=ends,
        )
    return IssuedToken(token, granted, int((ends - now).total_seconds()))


def revoke_token(client: Principal, token: str) -> bool:
    """End a token of this client; False when there is none, which is no error (RFC 7009)."""
    digest = secret_hash(TOKEN_PREFIX, token)
    if digest is None:
        return False
    with tenant(client.tenant_id):
        removed, _ = AccessToken.objects.filter(
            client_id=client.credential_id, token_hash=digest
        ).delete()
    return bool(removed)


def remove_ended_tokens() -> int:
    """Remove the tokens that are over; returns how many went."""
    with across_tenants("tokens") as db:
        removed, _ = AccessToken.objects.using(db).filter(expires_at__lte=clock().now()).delete()
    return removed
