"""What the session of a request proved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

from ringfence.domains.identity.contracts import Session
from ringfence.domains.identity.sso.contracts import SSO_AT, SSO_MFA, SSO_TENANT


def session_of(request: HttpRequest) -> Session | None:
    """What the session of a request proved; None without one."""
    user = request.user
    if not user.is_authenticated:
        return None
    records = get_authentication_records(request, user)
    by_sso = [record for record in records if record.get("method") == "socialaccount"]
    sso, vouch = request.session.get(SSO_TENANT), getattr(request, "sso", None)
    if vouch is None and (by_sso or sso is not None):
        return None  # nobody looked whether the provider's word still counts
    times = [_at(request, record) for record in records]
    at = max((time for time in times if time is not None), default=None)
    return Session(
        user_id=user.pk,
        mfa=any(record.get("method") == "mfa" for record in records)
        or bool(by_sso and vouch and vouch.trusts_mfa and request.session.get(SSO_MFA)),
        authenticated_at=None if at is None else datetime.fromtimestamp(at, UTC),
        sso_tenant=None if vouch is None else vouch.tenant_id,
    )


def _at(request: HttpRequest, record: dict[str, Any]) -> float | None:
    """When the person proved who they are; of a provider, when it says that they did."""
    at = record.get("at")
    if not isinstance(at, (int, float)):
        return None
    if record.get("method") != "socialaccount":
        return at
    said = request.session.get(SSO_AT) or 0
    return min(at, said) if said else None
