"""Reading portals and visits."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from django.db import connections

from ringfence.domains.portal.contracts import (
    NotProven,
    PortalInfo,
    PortalNotFound,
    VisitInfo,
    Wish,
)
from ringfence.domains.portal.models import Portal, Visit
from ringfence.domains.portal.rules import visit as rules
from ringfence.domains.privacy.api import get_rights_request, requests_of_person
from ringfence.domains.privacy.contracts import RightsInfo, RightsRequestNotFound
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant

TOKEN_BYTES = 32


def find_portal(slug: str) -> PortalInfo:
    """The portal at a path. Raises PortalNotFound."""
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_find_portal(%s)", [slug])
        row = cursor.fetchone()
    if row is None:
        raise PortalNotFound("there is no portal here")
    return PortalInfo(*row)


def get_portal(tenant_id: UUID) -> PortalInfo:
    """A tenant's own. Raises PortalNotFound."""
    with tenant(tenant_id):
        slug = Portal.objects.using(APP).filter(tenant_id=tenant_id).values_list("slug", flat=True)
        for found in slug:
            return find_portal(found)
    raise PortalNotFound("the tenant has no portal")


def find_visit(portal: PortalInfo, browser: bytes) -> VisitInfo | None:
    """The visit of a browser, with ``browser`` in its cookie; None where it never came here."""
    with tenant(portal.tenant_id):
        rows = Visit.objects.using(APP).filter(tenant_id=portal.tenant_id)
        row = rows.filter(browser_hash=browser_hash(browser)).first()
    return None if row is None else visit_info(row)


def proven_visit(portal: PortalInfo, browser: bytes) -> VisitInfo:
    """The visit of a browser in which somebody proved who they are. Raises NotProven."""
    found = find_visit(portal, browser)
    if found is None or found.state is not rules.State.PROVEN:
        raise NotProven("nobody proved in this browser who they are")
    return found


def requests_of(visit: VisitInfo) -> tuple[RightsInfo, ...]:
    """What the person of a proven visit asked, the newest first: what the key store knows to be
    theirs, and what was asked here by whoever proved the same number or address."""
    with tenant(visit.tenant_id):
        rows = Visit.objects.using(APP).filter(tenant_id=visit.tenant_id)
        subject = rows.filter(id=visit.id).values_list("subject_hash", flat=True).first()
        asked: list[UUID] = []
        if subject is not None:
            ids = rows.filter(subject_hash=subject).values_list("request_id", flat=True)
            asked = [id_ for id_ in ids if id_ is not None]
    found: dict[UUID, RightsInfo] = {}
    if visit.person is not None:
        found = {one.id: one for one in requests_of_person(visit.tenant_id, visit.person)}
    for id_ in asked:
        if id_ not in found:
            try:
                found[id_] = get_rights_request(visit.tenant_id, id_)
            except RightsRequestNotFound:
                continue
    return tuple(sorted(found.values(), key=lambda one: one.id, reverse=True))


def own_request(visit: VisitInfo, request_id: UUID) -> RightsInfo:
    """One of ``requests_of``. Raises RightsRequestNotFound."""
    for one in requests_of(visit):
        if one.id == request_id:
            return one
    raise RightsRequestNotFound("no such request")


def may_fetch(visit: VisitInfo, request: RightsInfo) -> bool:
    """Whether a visit opens a package: its own, or one of the very person. Who has a number now
    that was somebody else's sees no package of theirs."""
    return request.id == visit.request_id or (
        visit.person is not None and request.person == visit.person
    )


def browser_hash(browser: bytes) -> bytes:
    """What stands in the row for a browser's secret."""
    return hashlib.sha256(browser).digest()


def course_of(row: Visit) -> rules.Visit:
    """The row as the rules see it."""
    return rules.Visit(rules.State(row.state), row.expires_at, row.tries, row.proven_at)


def visit_info(row: Visit, now: datetime | None = None) -> VisitInfo:
    return VisitInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        state=rules.now_is(course_of(row), now or clock().now()),
        wish=Wish(row.wish),
        by_call=row.by_call,
        person=row.person_id,
        request_id=row.request_id,
        proven_at=row.proven_at,
    )
