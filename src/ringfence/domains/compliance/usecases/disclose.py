"""Call detail is told to whoever proved to be the customer, and what was told is kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from ringfence.domains.calls.api import list_calls
from ringfence.domains.calls.contracts import CallFilter, CallInfo, CallPage
from ringfence.domains.compliance.contracts import (
    NamedCall,
    NotAuthenticated,
    TooManyMisses,
)
from ringfence.domains.compliance.models import Disclosure
from ringfence.domains.compliance.queries import machine
from ringfence.domains.compliance.rules.authentication import at, may_discuss_named, may_tell
from ringfence.domains.compliance.usecases.cases import Held, actor_in, held
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.use import using

NAMED_WITHIN = timedelta(hours=1)
MISSES = 5
"""Calls that may be named in a case and are none."""


def tell_calls(
    staff: Caller,
    case_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> CallPage:
    """The tenant's calls, for a case that proved to be with the customer.

    Raises CaseNotFound, NotAuthenticated, LocationRefused.
    """
    now = clock().now()
    with held(staff, case_id) as case:
        if not may_tell(machine(case.row), now):
            raise _refusal(case, now)
        with using("support", actor_in(staff, case_id)):
            page = list_calls(
                case.row.tenant_id, CallFilter(since=since, until=until), before=before, limit=limit
            )
        record(case, "told", staff.actor, page.calls)
    return page


def discuss_named(
    staff: Caller, case_id: UUID, number: str, started_at: datetime
) -> tuple[NamedCall, ...]:
    """The calls that the caller names without help, by the other side's number and when, to within
    an hour: that they were, and no more of them (64.2010(b)).

    Raises CaseNotFound, NotAuthenticated, TooManyMisses, LocationRefused.
    """
    now = clock().now()
    with held(staff, case_id) as case:
        if not may_discuss_named(machine(case.row), now):
            raise _refusal(case, now)
        if case.row.misses >= MISSES:
            raise TooManyMisses("too many calls were named that are none")
        found = list(_named(staff, case, number, started_at))
        if found:
            record(case, "named", staff.actor, found)
        else:
            case.row.misses += 1
        case.save()
    return tuple(NamedCall(one.id, one.direction, number, one.started_at) for one in found)


def _named(staff: Caller, case: Held, number: str, started_at: datetime) -> Iterable[CallInfo]:
    """Matched before anything is opened: what was not named is not. The customer's own number names
    no call: every one has it."""
    since, until = started_at - NAMED_WITHIN, started_at + NAMED_WITHIN
    with using("support", actor_in(staff, case.row.id)):
        found: dict[UUID, CallInfo] = {}
        for where in (
            CallFilter(since=since, until=until, direction="inbound", from_number=number),
            CallFilter(since=since, until=until, direction="outbound", to_number=number),
        ):
            found |= {one.id: one for one in list_calls(case.row.tenant_id, where).calls}
    return found.values()


def record(case: Held, kind: str, actor: str, calls: Iterable[CallInfo]) -> None:
    """Keep what was told or sent."""
    now = clock().now()
    Disclosure.objects.using(case.db).create(
        tenant_id=case.row.tenant_id,
        case_id=case.row.id,
        kind=kind,
        basis=at(machine(case.row), now).state.value,
        actor=actor,
        at=now,
        calls=[one.id for one in calls],
    )


def _refusal(case: Held, now: datetime) -> NotAuthenticated:
    state = at(machine(case.row), now).state.value
    return NotAuthenticated("nothing proves that this is the customer", details={"state": state})
