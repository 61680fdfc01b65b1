"""Who is signed in."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from ringfence.domains.identity import api
from ringfence.domains.identity.schemas import MeOut, membership_out
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.http import person_of, responses, self_service

router = Router()


@router.get("/me", response=responses(MeOut), operation_id="get_me", tags=["me"])
@self_service
def get_me(request: HttpRequest) -> MeOut:
    """The signed-in person, and where they are a member."""
    session = person_of(request)
    user = api.name_of(session.user_id)
    return MeOut(
        id=public_id(Prefix.USER, session.user_id),
        email=user.email,
        name=user.name,
        mfa=session.mfa,
        memberships=[
            membership_out(info)
            for info in api.memberships_of(session.user_id)
            if session.sso_tenant in (None, info.tenant_id)  # its provider hears of no other
        ],
    )
