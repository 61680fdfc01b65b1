"""A version of the policy is published: not over an older one, nor before its notice is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections
from procrastinate.contrib.django import app

from ringfence.domains.accounts.api import list_tenants
from ringfence.domains.identity.api import member_emails
from ringfence.domains.policy.contracts import Draft, TooEarly, VersionInfo, digest_of
from ringfence.domains.policy.models import Notice, Version
from ringfence.domains.policy.queries import version_info
from ringfence.domains.policy.rules.changes import Change, changes, earliest
from ringfence.platform_django.clock import clock
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.tenancy import APP, OPERATOR, across_tenants, tenant
from ringfence.policies.profiles import Profile, plain, profile_hash

TASK = "policy.tell"
_LOCK = 0x504F4C49
SUBJECT = "Our privacy policy changes"


@dataclass(frozen=True, slots=True)
class Head:
    """What a page says of itself."""

    number: int
    published_at: datetime
    effective_at: datetime
    changes: tuple[Change, ...]


def publish(
    draft: Draft,
    profile: Profile,
    render: Callable[[Head], str],
    *,
    effective_at: datetime | None = None,
    actor: str,
) -> VersionInfo:
    """Publish what ``draft`` says; in force from ``effective_at``, else as early as may be.

    What is the same as the last version is not published again. Raises TooEarly.
    """
    now = clock().now()
    with across_tenants("publish policy") as db:
        with connections[OPERATOR].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = Version.objects.using(db).order_by("-number").first()
        found: tuple[Change, ...] = ()
        first_day, consent = now, False
        if last is not None:
            found = changes(last.values, last.clauses, profile, draft.clauses)
            if not found:
                return version_info(last)
            notice = (last.notice_days, profile.change.notice_days)
            first_day = max(earliest(now, notice, found), last.effective_at)
            promised = last.values["change"]["consent_if_rights_reduced"]
            consent = promised and any(change.reduces for change in found)
        effective = effective_at or first_day
        if effective < first_day:
            raise TooEarly(f"it may hold from {first_day:%Y-%m-%d %H:%M} UTC on, not earlier")
        number = 1 if last is None else last.number + 1
        html = render(Head(number, now, effective, found))
        row = Version(
            number=number,
            profile=profile.name,
            profile_hash=profile_hash(profile),
            values=plain(profile),
            clauses=sorted(draft.clauses),
            changes=[asdict(change) for change in found],
            notice_days=profile.change.notice_days,
            needs_consent=consent,
            published_at=now,
            effective_at=effective,
            published_by=actor,
            build=draft.build,
            report=draft.report,
            html=html,
        )
        row.digest = digest_of("" if last is None else last.digest, facts_of(row), html)
        row.save(using=db, force_insert=True)
    if last is not None:
        app.configure_task(TASK).defer(number=number)
    return version_info(row)


def facts_of(row: Version) -> dict[str, object]:
    """What the digest covers besides the page."""
    return {
        "number": row.number,
        "profile_hash": row.profile_hash,
        "clauses": row.clauses,
        "changes": row.changes,
        "needs_consent": row.needs_consent,
        "published_at": row.published_at.isoformat(),
        "effective_at": row.effective_at.isoformat(),
        "build": row.build,
        "report": row.report,
    }


def tell(number: int, text: str) -> int:
    """Mail a version to everybody of every customer that is not closed, each once, also when this
    was interrupted; returns how many were told now. Raises Unavailable."""
    told = 0
    for customer in list_tenants():
        if customer.status != "closed":
            told += _tell_tenant(customer.id, number, text)
    return told


def _tell_tenant(tenant_id: UUID, number: int, text: str) -> int:
    people = member_emails(tenant_id)
    with tenant(tenant_id):
        rows = Notice.objects.using(APP)
        done = set(rows.filter(number=number).values_list("user_id", flat=True))
        for user in people.keys() - done:
            queue_mail(people[user], SUBJECT, text)
            rows.create(tenant_id=tenant_id, number=number, user_id=user, told_at=clock().now())
    return len(people.keys() - done)
