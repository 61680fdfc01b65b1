"""What the session of a request proved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ringfence.domains.identity.contracts import Session
from ringfence.domains.identity.sso.contracts import (
    SSO_AT,
    SSO_CONNECTION,
    SSO_MFA,
    SSO_TENANT,
)
from ringfence.kernel.errors import Unavailable
from ringfence.platform.tickets import Maker


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


def signed_in_maker(request: HttpRequest, session: Session, grant_id: UUID | None) -> Maker:
    """As whom the session of a request makes tickets of the live stream. Raises Unavailable where
    no session can be noted, as nobody knows where requests come from."""
    number = _number(request)
    if session.sso_tenant is not None:
        connection = UUID(request.session[SSO_CONNECTION])
        return Maker("sso", session.user_id, connection, number)
    if grant_id is not None:
        return Maker("staff", session.user_id, grant_id, number)
    return Maker("member", session.user_id, None, number)


def _number(request: HttpRequest) -> int:
    """Of the session among those that its person sees."""
    noted = UserSession.objects.filter(session_key=request.session.session_key)
    number: int | None = noted.values_list("pk", flat=True).first()
    if number is None:
        try:
            UserSession.objects.create_from_request(request)
        except PermissionDenied as error:
            raise Unavailable("the session cannot be noted") from error
        number = noted.values_list("pk", flat=True).get()
    return number


def _at(request: HttpRequest, record: dict[str, Any]) -> float | None:
    """When the person proved who they are; of a provider, when it says that they did."""
    at = record.get("at")
    if not isinstance(at, (int, float)):
        return None
    if record.get("method") != "socialaccount":
        return at
    said = request.session.get(SSO_AT) or 0
    return min(at, said) if said else None
