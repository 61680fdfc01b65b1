"""The platform adds an event of its own to a call's journal, during the call or after it."""

from __future__ import annotations

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
    SELECT %s, coalesce(max(seq) + 1, %s), %s, %s, %s, %s::jsonb
    FROM calls_journal WHERE call_id = %s AND seq >= %s
"""


def append_event(call: UUID, tenant: UUID, kind: EventKind, data: dict[str, Any]) -> None:
    """Add an event numbered from LATER_SEQ on, as the operator's role.

    Part of the caller's ``across_tenants`` transaction if there is one, which should be short: all
    other writers of the journal wait for its end. Raises django.db.Error.
    """
    body = msgspec.json.encode(data).decode()
    with across_tenants("append event") as alias, connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [COMMIT_ORDER])
        cursor.execute(
            _INSERT, [call, LATER_SEQ, clock().now(), kind.value, tenant, body, call, LATER_SEQ]
        )
