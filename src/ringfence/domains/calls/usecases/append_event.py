"""The platform adds events of its own to calls' journals, during the call or after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.calls.usecases.store_events import COMMIT_ORDER
from ringfence.kernel.events import LATER_SEQ, EventKind
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

_INSERT = """
    INSERT INTO calls_journal (call_id, seq, at, kind, tenant_id, data)
    SELECT made.call, (
        SELECT coalesce(max(j.seq) + 1, %s) FROM calls_journal j
        WHERE j.call_id = made.call AND j.seq >= %s
    ) + row_number() OVER (PARTITION BY made.call ORDER BY made.place) - 1,
        %s, made.kind, made.tenant, made.data::jsonb
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])
        WITH ORDINALITY AS made (call, tenant, kind, data, place)
"""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that the platform did about a call."""

    call: UUID
    tenant: UUID
    kind: EventKind
    data: dict[str, Any]


def append_event(call: UUID, tenant: UUID, kind: EventKind, data: dict[str, Any]) -> None:
    """Add one event; see ``append_events``."""
    append_events([NewEvent(call, tenant, kind, data)])


def append_events(events: Sequence[NewEvent]) -> None:
    """Add events, of each call in their order, numbered from LATER_SEQ on, as the operator's role.

    Part of the caller's ``across_tenants`` transaction if there is one, which should be short after
    this: all other writers of the journal wait for its end. Raises django.db.Error.
    """
    if not events:
        return
    with across_tenants("append event") as alias, connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [COMMIT_ORDER])
        columns: list[list[Any]] = [
            [event.call for event in events],
            [event.tenant for event in events],
            [event.kind.value for event in events],
            [msgspec.json.encode(event.data).decode() for event in events],
        ]
        cursor.execute(_INSERT, [LATER_SEQ, LATER_SEQ, clock().now(), *columns])
