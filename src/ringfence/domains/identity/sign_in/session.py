"""What the session of a request proved."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

from ringfence.domains.identity.contracts import Session

SSO_TENANT = "ringfence_sso_tenant"
"""In a session: the tenant whose identity provider vouched for the person."""


def session_of(request: HttpRequest) -> Session | None:
    """What the session of a request proved; None without one."""
    user = request.user
    if not user.is_authenticated:
        return None
    records = get_authentication_records(request, user)
    times = [record["at"] for record in records if isinstance(record.get("at"), (int, float))]
    sso = request.session.get(SSO_TENANT)
    return Session(
        user_id=user.pk,
        mfa=any(record.get("method") == "mfa" for record in records),
        authenticated_at=datetime.fromtimestamp(max(times), UTC) if times else None,
        sso_tenant=None if sso is None else UUID(sso),
    )
