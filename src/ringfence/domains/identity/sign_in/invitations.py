"""The invitation that a browser came with, until it is accepted."""

from __future__ import annotations

from django.http import HttpRequest

from ringfence.domains.identity.contracts import InvitationUnusable, OfferInfo
from ringfence.domains.identity.sign_in.sessions import INVITATION
from ringfence.domains.identity.usecases.accept_invitation import get_offer


def remember(request: HttpRequest, token: str) -> None:
    """Keep the token while its bearer signs up or in."""
    request.session[INVITATION] = token


def forget(request: HttpRequest) -> None:
    request.session.pop(INVITATION, None)


def pending_token(request: HttpRequest) -> str | None:
    """The token that the browser came with."""
    found: str | None = request.session.get(INVITATION)
    return found


def pending_offer(request: HttpRequest) -> OfferInfo | None:
    """What it invites to; None without one, or when it may not be accepted any more."""
    token = pending_token(request)
    if token is None:
        return None
    try:
        return get_offer(token)
    except InvitationUnusable:
        return None
