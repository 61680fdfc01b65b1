"""Call records follow the journal: the events of a call, folded, are its record and its legs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections, models

from ringfence.domains.calls.models import Call, CallLeg, CallTag
from ringfence.domains.calls.rules.call_record import CallRecord, call_record
from ringfence.kernel.clock import to_micros
from ringfence.kernel.events import CallEvent, EventKind, SealedParty
from ringfence.platform_django.projection import begin_projection
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

_EVENTS = """
    SELECT call_id, seq, at, kind, tenant_id, data,
        caller_id, caller_sealed, callee_id, callee_sealed
    FROM calls_journal WHERE call_id = ANY(%s) ORDER BY call_id, seq
"""
_SET_POSITION = """
    INSERT INTO calls_projector (name, position) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_KINDS = frozenset(EventKind)
_FROM_CALL = ("tenant_id", "call_id")


def project_calls(calls: Collection[UUID], *, node: str, position: int) -> None:
    """Bring the records of ``calls`` up to date with the journal.

    One transaction, as the operator's role; it also notes that ``node`` is projected up to
    ``position``. A record is always made from all events of its call, so doing it again, or for
    calls that have more events than the caller knows of, is harmless. Raises django.db.Error.
    """
    with across_tenants("projection") as alias, connections[alias].cursor() as cursor:
        if calls:
            begin_projection(cursor)
            cursor.execute(_EVENTS, [list(calls)])
            records = [
                call_record(events)
                for _, events in groupby(_events(cursor.fetchall()), key=attrgetter("call"))
            ]
            for model, rows in (
                (Call, _call_rows(records)),
                (CallLeg, _leg_rows(records)),
                (CallTag, _tag_rows(records)),
            ):
                if rows:
                    cursor.execute(
                        _upsert(model), [list(column) for column in zip(*rows, strict=True)]
                    )
        cursor.execute(_SET_POSITION, [_name(node), position])


def projected_position(node: str) -> int:
    """Up to where ``node`` is projected; 0 at first."""
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute("SELECT position FROM calls_projector WHERE name = %s", [_name(node)])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _name(node: str) -> str:
    return f"records:{node}"


def _events(rows: Iterable[tuple[Any, ...]]) -> Iterator[CallEvent]:
    for call, seq, at, kind, tenant, data, caller, caller_sealed, callee, callee_sealed in rows:
        if kind in _KINDS:
            yield CallEvent(
                call,
                seq,
                to_micros(at),
                EventKind(kind),
                tenant,
                msgspec.json.decode(data),
                _party(caller, caller_sealed),
                _party(callee, callee_sealed),
            )


def _party(person: UUID | None, sealed: bytes | None) -> SealedParty | None:
    """A person whose value was deleted stays the person of the record, with nothing sealed."""
    return None if person is None else SealedParty(person, sealed or b"")


@cache
def _columns(model: type[models.Model]) -> dict[str, str]:
    """Name and type of each column; those that a row has from its call come last."""
    types = {
        field.attname: field.db_type(connections[OPERATOR]) or ""
        for field in model._meta.concrete_fields
        if field.column
    }
    of_call = {name: types.pop(name) for name in _FROM_CALL if name in types}
    return types | of_call


@cache
def _upsert(model: type[models.Model]) -> str:
    """One statement for any number of rows, given as an array per column."""
    columns = _columns(model)
    arrays = ", ".join(f"%s::{type_}[]" for type_ in columns.values())
    key = ", ".join(field.attname for field in model._meta.pk_fields)
    update = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "id")
    return (
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "  # noqa: S608 - our own names
        f"SELECT * FROM unnest({arrays}) ON CONFLICT ({key}) DO UPDATE SET {update}"
    )


def _call_rows(records: list[CallRecord]) -> list[tuple[Any, ...]]:
    row = attrgetter(*_columns(Call))
    return [row(record) for record in records]


def _leg_rows(records: list[CallRecord]) -> list[tuple[Any, ...]]:
    row = attrgetter(*(name for name in _columns(CallLeg) if name not in _FROM_CALL))
    return [(*row(leg), record.tenant_id, record.id) for record in records for leg in record.legs]


def _tag_rows(records: list[CallRecord]) -> list[tuple[Any, ...]]:
    return [
        (*tag, record.tenant_id, record.id) for record in records for tag in record.tags.items()
    ]
