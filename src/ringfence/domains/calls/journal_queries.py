"""Reading the journal, as the tenant that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ringfence.domains.calls.contracts import CallNotFound, EventPage, TimelineEvent
from ringfence.domains.calls.models import JournalEvent
from ringfence.kernel.events import party_facts
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import tenant
from ringfence.platform_django.use import current_use

MAX_EVENTS = 500
_PARTIES = ("caller_sealed", "callee_sealed")


def timeline(tenant_id: UUID, call_id: UUID) -> tuple[TimelineEvent, ...]:
    """All journal events of a call in order, opened for the current use.

    Raises CallNotFound when there is none, PurposeRequired, Refused, Unavailable.
    """
    with tenant(tenant_id):
        rows = list(JournalEvent.objects.filter(call_id=call_id).order_by("seq"))
    if not rows:
        raise CallNotFound("no such call")
    return _opened(rows)


def list_events(tenant_id: UUID, *, after: int = 0, limit: int = 100) -> EventPage:
    """The tenant's events behind a position of the journal, oldest first, at most 500.

    Who has seen a position has seen all lower ones: reading on from the last loses nothing. Opened
    for the current use. Raises PurposeRequired, Refused, Unavailable.
    """
    current_use()  # before anything is looked for
    limit = max(1, min(limit, MAX_EVENTS))
    with tenant(tenant_id):
        rows = JournalEvent.objects.filter(tenant_id=tenant_id, position__gt=after)
        found = list(rows.order_by("position")[:limit])
    return EventPage(_opened(found), found[-1].position if found else after)


def _opened(rows: Sequence[JournalEvent]) -> tuple[TimelineEvent, ...]:
    return tuple(map(_timeline_event, rows, open_fields(rows, *_PARTIES)))


def _timeline_event(row: JournalEvent, opened: dict[str, Opened]) -> TimelineEvent:
    persons = {
        role: {"person": person.hex, **_party(row.kind, opened[f"{role}_sealed"])}
        for role, person in (("caller", row.caller_id), ("callee", row.callee_id))
        if person is not None
    }
    data = {**row.data, **persons}
    return TimelineEvent(row.call_id, row.seq, row.at, row.kind, data, row.position)


def _party(kind: str, opened: Opened) -> dict[str, Any]:
    """What was sealed for a person, or the error. A value that is gone went with its key."""
    if opened.error is None and isinstance(opened.value, dict):
        return party_facts(kind, opened.value)
    return {"error": opened.error or KeyDestroyed.code}
