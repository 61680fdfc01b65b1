"""Reading versions, bindings, examinations and incidents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connections

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.policy.contracts import (
    BindingInfo,
    ExaminedInfo,
    IncidentInfo,
    VersionInfo,
    VersionNotFound,
)
from ringfence.domains.policy.models import Acceptance, Examined, Incident, Version
from ringfence.domains.policy.rules.binding import Dated, bound
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, CALLPLANE, across_tenants, tenant
from ringfence.policies.profiles import NAMES, Profile, load_profile, profile_hash
from ringfence.policies.profiles.service_vocabulary import Custody


def list_versions() -> tuple[VersionInfo, ...]:
    """All that were ever published, the first one first."""
    with across_tenants("read policy") as db:
        rows = Version.objects.using(db).defer("html", "values").order_by("number")
        return tuple(version_info(row) for row in rows)


def current_version(now: datetime) -> VersionInfo | None:
    """The newest one in force."""
    found = [one for one in list_versions() if one.effective_at <= now]
    return found[-1] if found else None


def page_of(number: int) -> str:
    """The page of a version, as it was published. Raises VersionNotFound."""
    with across_tenants("read policy") as db:
        found = Version.objects.using(db).filter(number=number).values_list("html", flat=True)
        for html in found:
            return str(html)
    raise VersionNotFound("no such version was published")


def binding_of(tenant_id: UUID) -> BindingInfo:
    """Which version binds a business customer now. Raises TenantNotFound."""
    now, joined = clock().now(), get_any_tenant(tenant_id).created_at
    versions = list_versions()
    with tenant(tenant_id):
        accepted = Acceptance.objects.using(APP).filter(tenant_id=tenant_id)
        numbers = set(accepted.values_list("number", flat=True))
    dated = [Dated(one.number, one.effective_at, one.needs_consent) for one in versions]
    found = bound(dated, numbers, joined, now)
    by_number: dict[int | None, VersionInfo] = {one.number: one for one in versions}
    coming = [one for one in versions if one.effective_at > now]
    return BindingInfo(
        bound=by_number.get(found.number),
        awaits=by_number.get(found.awaits),
        coming=coming[-1] if coming else None,
    )


def last_examined(profile: str) -> ExaminedInfo | None:
    """The last examination under a profile."""
    with across_tenants("read policy") as db:
        row = Examined.objects.using(db).filter(profile=profile).first()
    return None if row is None else ExaminedInfo(row.number, row.ended_at, row.report)


def list_incidents(profile: str) -> tuple[IncidentInfo, ...]:
    """The open ones first, then the last hundred others, the newest first."""
    with across_tenants("read policy") as db:
        rows = Incident.objects.using(db).filter(profile=profile).order_by("-opened_at")
        still = list(rows.filter(closed_at=None))
        over = list(rows.exclude(closed_at=None)[:100])
    return tuple(
        IncidentInfo(
            profile=row.profile,
            control=row.control,
            clauses=tuple(row.clauses),
            state=row.state,
            findings=row.findings,
            opened_at=row.opened_at,
            due_at=row.due_at,
            closed_at=row.closed_at,
        )
        for row in (*still, *over)
    )


def version_info(row: Version) -> VersionInfo:
    return VersionInfo(
        number=row.number,
        profile=row.profile,
        profile_hash=row.profile_hash,
        clauses=tuple(row.clauses),
        changes=tuple(row.changes),
        needs_consent=row.needs_consent,
        published_at=row.published_at,
        effective_at=row.effective_at,
        digest=row.digest,
    )


def profile_of(tenant_id: UUID | None) -> Profile | None:
    """The profile of the version that binds a business customer, or of the one in force (None);
    None where nothing does, or where the software has other values under its name by now."""
    bound = current_version(clock().now()) if tenant_id is None else binding_of(tenant_id).bound
    if bound is None or bound.profile not in NAMES:
        return None
    profile = load_profile(bound.profile)
    return profile if profile_hash(profile) == bound.profile_hash else None


def custody_of(tenant_id: UUID) -> Custody | None:
    """Who holds the keys of recordings by the version that binds a business customer now, as it
    was published; None where nothing does. One query, as the call plane's role. Raises
    django.db.Error."""
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_custody_terms(%s)", [tenant_id])
        rows = cursor.fetchall()
    if not rows:
        return None
    dated = [Dated(number, effective, consent) for number, effective, consent, *_ in rows]
    accepted = {row[0] for row in rows if row[3]}
    found = bound(dated, accepted, rows[0][4], clock().now()).number
    return next((Custody(custody) for number, *_, custody in rows if number == found), None)
