"""Something happened: those endpoints that ask for it will be told, if the transaction commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.webhooks.contracts import EVERY_TYPE, TEST_TYPE, Notice, Scalar
from ringfence.domains.webhooks.models import Endpoint
from ringfence.domains.webhooks.rules.validation import check_data
from ringfence.kernel.clock import from_micros
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, across_tenants, tenant

_COLUMNS = {
    "id": "uuid",
    "tenant_id": "uuid",
    "endpoint_id": "uuid",
    "type": "text",
    "data": "jsonb",
    "key": "text",
    "occurred_at": "timestamptz",
    "created_at": "timestamptz",
    "next_attempt_at": "timestamptz",
}
_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"%s::{type_}[]" for type_ in _COLUMNS.values())
_INSERT = f"""
    INSERT INTO webhooks_delivery ({_NAMES}, state, attempts, log)
    SELECT {_NAMES}, 'pending', 0, '[]' FROM unnest({_ARRAYS}) AS incoming ({_NAMES})
    ON CONFLICT (tenant_id, endpoint_id, key) DO NOTHING
"""  # noqa: S608 - our own names
_Wishes = dict[tuple[UUID, str], list[UUID]]
"""Tenant and type to the endpoints that ask for it."""
_TOLD = frozenset(
    {
        EventKind.CALL_STARTED,
        EventKind.CALL_ANSWERED,
        EventKind.CALL_ENDED,
        EventKind.CALL_TAGGED,
    }
)


def enqueue(
    tenant_id: UUID,
    type_: str,
    data: Mapping[str, Scalar],
    *,
    key: str,
    at: datetime | None = None,
) -> None:
    """Tell the tenant's endpoints that something happened; part of the caller's transaction as the
    tenant, if there is one.

    One query when no endpoint asks for the type, two otherwise. The same key is told once. ``at``:
    when it happened; default now. Raises PersonalValueRefused.
    """
    with tenant(tenant_id):
        _insert(APP, [Notice(tenant_id, type_, data, key, at)])


def enqueue_notices(notices: Sequence[Notice]) -> None:
    """``enqueue`` for notices of any tenants; part of the caller's ``across_tenants`` transaction,
    if there is one. Raises PersonalValueRefused."""
    if notices:
        with across_tenants("webhooks") as alias:
            _insert(alias, notices)


def enqueue_events(events: Iterable[CallEvent]) -> None:
    """Tell of calls as their events are delivered; may be repeated. Raises django.db.Error."""
    told = [event for event in events if event.kind in _TOLD and event.tenant is not None]
    if told:
        with across_tenants("webhooks") as alias:
            wishes = _wishes(alias, {event.tenant for event in told if event.tenant is not None})
            wanted = [event for event in told if _asking(wishes, event.tenant, event.kind)]
            _store(alias, wishes, [_notice(event) for event in wanted])


def _notice(event: CallEvent) -> Notice:
    assert event.tenant is not None
    return Notice(
        event.tenant,
        str(event.kind),
        {"call": public_id(Prefix.CALL, event.call), "seq": event.seq},
        f"{event.call.hex}:{event.seq}",
        from_micros(event.at),
    )


def enqueue_for(endpoint: Endpoint, type_: str, data: Mapping[str, Scalar], key: str) -> UUID:
    """Tell one endpoint, whatever it asks for; part of the tenant's transaction."""
    now = clock().now()
    row = _row(endpoint.id, Notice(endpoint.tenant_id, type_, data, key), now)
    _write(APP, [row])
    found: UUID = row[0]
    return found


def _insert(alias: str, notices: Sequence[Notice]) -> None:
    for notice in notices:
        check_data(notice.data)
    _store(alias, _wishes(alias, {notice.tenant_id for notice in notices}), notices)


def _wishes(alias: str, tenants: Collection[UUID]) -> _Wishes:
    wishes: _Wishes = {}
    endpoints = Endpoint.objects.using(alias).filter(tenant_id__in=tenants, enabled=True)
    for endpoint, owner, types in endpoints.values_list("id", "tenant_id", "events"):
        for type_ in types:
            wishes.setdefault((owner, type_), []).append(endpoint)
    return wishes


def _asking(wishes: _Wishes, tenant_id: UUID | None, type_: str) -> list[UUID]:
    """The endpoints of a tenant that a type is told to."""
    if not wishes or tenant_id is None or type_ == TEST_TYPE:
        return []
    return [*wishes.get((tenant_id, type_), ()), *wishes.get((tenant_id, EVERY_TYPE), ())]


def _store(alias: str, wishes: _Wishes, notices: Sequence[Notice]) -> None:
    now = clock().now()
    rows = [
        _row(endpoint, notice, now)
        for notice in notices
        for endpoint in _asking(wishes, notice.tenant_id, notice.type)
    ]
    if rows:
        _write(alias, rows)


def _row(endpoint: UUID, notice: Notice, now: datetime) -> tuple[Any, ...]:
    body = msgspec.json.encode(dict(notice.data)).decode()
    return (
        *(new_id(), notice.tenant_id, endpoint, notice.type, body, notice.key),
        *(notice.at or now, now, now),
    )


def _write(alias: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
