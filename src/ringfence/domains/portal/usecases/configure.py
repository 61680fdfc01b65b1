"""A tenant says where its portal is."""

from __future__ import annotations

import re
from uuid import UUID

from django.db import IntegrityError

from ringfence.domains.numbers.api import owned_numbers
from ringfence.domains.portal.contracts import (
    CallerIdNotOwned,
    PortalInfo,
    SlugInvalid,
    SlugTaken,
)
from ringfence.domains.portal.models import Portal
from ringfence.domains.portal.queries import get_portal
from ringfence.platform_django.tenancy import APP, tenant

_SLUG = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_MOST = 63


def put_portal(
    tenant_id: UUID, slug: str, caller_id: str | None, *, officer_confirms: bool
) -> PortalInfo:
    """Open the portal at a path, or move it. Raises SlugInvalid, SlugTaken, CallerIdNotOwned."""
    if len(slug) > _MOST or not _SLUG.fullmatch(slug):
        raise SlugInvalid("3 to 63 lower-case letters, digits, and single hyphens between them")
    if caller_id is not None and caller_id not in owned_numbers(tenant_id, frozenset({caller_id})):
        raise CallerIdNotOwned("calls present an active number of the tenant")
    values = {"slug": slug, "caller_id": caller_id, "officer_confirms": officer_confirms}
    try:
        with tenant(tenant_id):
            Portal.objects.using(APP).update_or_create(tenant_id=tenant_id, defaults=values)
    except IntegrityError:
        raise SlugTaken("another portal is there") from None
    return get_portal(tenant_id)


def close_portal(tenant_id: UUID) -> None:
    """Nobody finds the portal any more; what was asked goes on."""
    with tenant(tenant_id):
        Portal.objects.using(APP).filter(tenant_id=tenant_id).delete()
