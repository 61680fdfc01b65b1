"""Events that the call plane's spool delivers become rows of the journal, once each."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec
from django.db import connections, transaction

from ringfence.kernel.clock import from_micros
from ringfence.kernel.events import CallEvent, SealedParty
from ringfence.platform_django.tenancy import CALLPLANE

COMMIT_ORDER = 0x52464A4E
"""Advisory lock: whoever inserts holds it until commit, so that journal positions become visible in
their own order, and a reader that has seen one has seen all lower ones."""

_COLUMNS = {
    "call_id": "uuid",
    "seq": "integer",
    "at": "timestamptz",
    "kind": "text",
    "tenant_id": "uuid",
    "data": "jsonb",
    "caller_id": "uuid",
    "caller_sealed": "bytea",
    "callee_id": "uuid",
    "callee_sealed": "bytea",
}
_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"%s::{type_}[]" for type_ in _COLUMNS.values())
_INSERT = f"""
    INSERT INTO calls_journal ({_NAMES})
    SELECT {_NAMES} FROM unnest({_ARRAYS}) AS incoming ({_NAMES})
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own names


def store_events(events: Iterable[CallEvent]) -> None:
    """Insert the events that are not there yet, in the order given.

    One transaction, as the call plane's role. Raises django.db.Error.
    """
    rows = [
        (
            *(event.call, event.seq, from_micros(event.at), event.kind, event.tenant),
            *(_json(event.data), *_party(event.caller), *_party(event.callee)),
        )
        for event in events
    ]
    if not rows:
        return
    with transaction.atomic(using=CALLPLANE), connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [COMMIT_ORDER])
        cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])


def _party(party: SealedParty | None) -> tuple[UUID | None, bytes | None]:
    return (None, None) if party is None else (party.person, party.sealed)


def _json(data: dict[str, object]) -> str:
    # jsonb cannot hold U+0000, which a peer may well send inside a header
    return msgspec.json.encode(data).decode().replace("\\u0000", "\\ufffd")
