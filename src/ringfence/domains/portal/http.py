"""REST API of a tenant's privacy portal: where it is."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from ringfence.domains.portal import api
from ringfence.domains.portal.contracts import PortalInfo
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["privacy"])
_RIGHTS = "privacy:rights"


class PortalIn(Schema):
    model_config = ConfigDict(extra="forbid")

    slug: str = Field(min_length=3, max_length=63)
    """Lower-case letters, digits, and single hyphens between them; unguessable or not."""
    caller_id: str | None = Field(None, max_length=16)
    """E.164 of an active number of the tenant, which calls with a code present; null: codes go by
    mail alone."""
    officer_confirms: bool = False
    """A deletion waits for an officer although the person proved who they are."""


class PortalOut(Schema):
    """The tenant's privacy portal, where its data subjects ask."""

    url: str
    slug: str
    caller_id: str | None
    officer_confirms: bool


@router.get(
    "/privacy-portal", response=responses(PortalOut, 404), operation_id="get_privacy_portal"
)
@requires(_RIGHTS)
def get_privacy_portal(request: HttpRequest) -> PortalOut:
    """Where the portal is."""
    return _out(api.get_portal(caller_of(request).tenant_id))


@router.put(
    "/privacy-portal",
    response=responses(PortalOut, 409, 422),
    operation_id="put_privacy_portal",
)
@requires(_RIGHTS)
def put_privacy_portal(request: HttpRequest, body: PortalIn) -> PortalOut:
    """Open the portal, or move it."""
    return _out(
        api.put_portal(
            caller_of(request).tenant_id,
            body.slug,
            body.caller_id,
            officer_confirms=body.officer_confirms,
        )
    )


@router.delete(
    "/privacy-portal", response=responses(None, success=204), operation_id="delete_privacy_portal"
)
@requires(_RIGHTS)
def delete_privacy_portal(request: HttpRequest) -> Status[None]:
    """Close the portal; what was asked goes on."""
    api.close_portal(caller_of(request).tenant_id)
    return Status(204, None)


def _out(info: PortalInfo) -> PortalOut:
    return PortalOut(
        url=f"{settings.RINGFENCE.public_url}/privacy/{info.slug}/",
        slug=info.slug,
        caller_id=info.caller_id,
        officer_confirms=info.officer_confirms,
    )
