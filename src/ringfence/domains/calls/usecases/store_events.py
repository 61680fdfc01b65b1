"""Events that the call plane's spool delivers become rows of the journal, once each."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.db import connections, transaction

from ringfence.kernel.clock import from_micros
from ringfence.kernel.events import CallEvent
from ringfence.platform_django.tenancy import CALLPLANE

_COMMIT_ORDER = 0x52464A4E
"""Advisory lock: whoever inserts holds it until commit, so that journal positions become visible in
their own order, and a reader that has seen one has seen all lower ones."""

_INSERT = """
    INSERT INTO calls_journal (call_id, seq, at, kind, tenant_id, data)
    SELECT call_id, seq, at, kind, tenant_id, data FROM unnest(
        %s::uuid[], %s::integer[], %s::timestamptz[], %s::text[], %s::uuid[], %s::jsonb[]
    ) AS incoming (call_id, seq, at, kind, tenant_id, data)
    ON CONFLICT DO NOTHING
"""


def store_events(events: Iterable[CallEvent]) -> None:
    """Insert the events that are not there yet, in the order given.

    One transaction, as the call plane's role. Raises django.db.Error.
    """
    rows = [(e.call, e.seq, from_micros(e.at), e.kind, e.tenant, _json(e.data)) for e in events]
    if not rows:
        return
    with transaction.atomic(using=CALLPLANE), connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_COMMIT_ORDER])
        cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])


def _json(data: dict[str, object]) -> str:
    # jsonb cannot hold U+0000, which a peer may well send inside a header
    return msgspec.json.encode(data).decode().replace("\\u0000", "\\ufffd")
