"""What the session of a request proved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ringfence.domains.identity.contracts import Session
from ringfence.domains.identity.models import User
from ringfence.domains.identity.queries import has_second_factor
from ringfence.domains.identity.sso.contracts import (
    SSO_AT,
    SSO_CONNECTION,
    SSO_MFA,
    SSO_TENANT,
)
from ringfence.kernel.errors import Unavailable
from ringfence.platform.tickets import Maker


@dataclass(frozen=True, slots=True)
class Proof:
    """That somebody proved who they are. Times are seconds since 1970."""

    at: float
    """When this session saw it."""
    made_at: float | None
    """When the person made it, which of a provider's word is when the provider says so."""
    by_second_factor: bool
    again: bool
    """In a session that was open already."""


def proofs_of(request: HttpRequest, user: User) -> list[Proof]:
    """The proofs of a request's session that count when a fresh one is asked for, in no order.

    Of whoever has a second factor those by one alone: whoever knows their password and sits at
    their open browser is not them. Everything that asks for a fresh proof asks here.
    """
    found = _recorded(request, user)
    strong = [proof for proof in found if proof.by_second_factor]
    newest = max((proof.at for proof in strong), default=0.0)
    if any(proof.at > newest for proof in found) and not has_second_factor(user.pk):
        return found
    return strong


def _recorded(request: HttpRequest, user: User) -> list[Proof]:
    records = get_authentication_records(request, user)
    return [
        Proof(
            at=record["at"],
            made_at=_made_at(request, record),
            by_second_factor=_by_second_factor(request, record),
            again=bool(record.get("reauthenticated")),
        )
        for record in records
        if isinstance(record.get("at"), (int, float))
    ]


def _made_at(request: HttpRequest, record: dict[str, Any]) -> float | None:
    at: float = record["at"]
    if record.get("method") != "socialaccount":
        return at
    said = request.session.get(SSO_AT) or 0
    return min(at, said) if said else None


def _by_second_factor(request: HttpRequest, record: dict[str, Any]) -> bool:
    """A factor of ours, or one that a provider saw whose word counts for that."""
    if record.get("method") != "socialaccount":
        return record.get("method") == "mfa"
    vouch = getattr(request, "sso", None)
    return bool(vouch and vouch.trusts_mfa and request.session.get(SSO_MFA))


def session_of(request: HttpRequest) -> Session | None:
    """What the session of a request proved; None without one."""
    user = request.user
    if not isinstance(user, User):
        return None
    records = get_authentication_records(request, user)
    by_sso = any(record.get("method") == "socialaccount" for record in records)
    sso, vouch = request.session.get(SSO_TENANT), getattr(request, "sso", None)
    if vouch is None and (by_sso or sso is not None):
        return None  # nobody looked whether the provider's word still counts
    times = [proof.made_at for proof in proofs_of(request, user)]
    at = max((time for time in times if time is not None), default=None)
    return Session(
        user_id=user.pk,
        mfa=any(_by_second_factor(request, record) for record in records),
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


def renew(request: HttpRequest) -> None:
    """Give the session a new token, which its row in the list of sessions has from now on too;
    live streams, which rest on that row, go on."""
    before = request.session.session_key
    request.session.cycle_key()
    if before is not None:
        rows = UserSession.objects.filter(session_key=before)
        rows.update(session_key=request.session.session_key)
