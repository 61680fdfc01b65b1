"""The rows of dead keys: sealed values and clear facts leave them, random ids stay.

Which columns those are follows from the classification. Each batch is one transaction as the
operator's role; doing it again finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connections, models
from psycopg import sql

from ringfence.domains.privacy.contracts import Category, Classification, FieldClass
from ringfence.domains.privacy.items import clean_up_person
from ringfence.domains.privacy.models import Hold
from ringfence.domains.privacy.registry import all_classifications
from ringfence.domains.privacy.rules.clean_up import Clearing, of_bucket, of_person
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform.keys.erasure import Destruction
from ringfence.platform_django.projection import wait_for_projections
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

BATCH = 2000
_DAY_MILLIS = int(timedelta(days=1).total_seconds() * 1000)


def clear_rows(tenant: UUID, destruction: Destruction) -> int:
    """Clear every row that held what died; returns how many. Raises django.db.Error.

    What an active legal hold covers stays as it is. What others are projected from comes first.
    """
    entries = all_classifications()
    sources = {item.model for item in entries if isinstance(item, FieldClass) and item.copy_of}
    planned = sorted(
        _planned(tenant, destruction, entries), key=lambda item: item[0].model not in sources
    )
    cleared, waited = 0, False
    for clearing, where, ordered in planned:
        if not waited and clearing.model not in sources:
            wait_for_projections()
            waited = True
        cleared += _clear(tenant, clearing, where, ordered)
    held = _held_persons(tenant)
    for erased in destruction.persons:
        if erased.person not in held and Category.IDENTIFIER not in erased.keep:
            cleared += clean_up_person(tenant, erased.person)
    return cleared


def _planned(
    tenant: UUID, destruction: Destruction, entries: Sequence[Classification]
) -> Iterator[tuple[Clearing, sql.Composable, bool]]:
    for erased in destruction.persons:
        for clearing in of_person(entries, erased.keep):
            yield (
                clearing,
                sql.SQL("{} = {} AND {}").format(
                    sql.Identifier(clearing.persons[0]),
                    sql.Literal(erased.person),
                    _may_be_of(tenant),
                ),
                False,
            )
    if destruction.everything and Hold.objects.using(OPERATOR).filter(
        tenant_id=tenant, released_at=None
    ):  # without one the rows are removed whole
        own = sql.SQL("tenant_id = {}").format(sql.Literal(tenant))
        for clearing in of_person(entries, ()):
            yield clearing, own, False
    for bucket in destruction.buckets:
        if bucket.day is None:
            continue
        for clearing in of_bucket(entries, bucket.category, bucket.rule):
            yield (
                clearing,
                sql.SQL("{} AND {}").format(
                    _within(clearing.day_of, bucket.day, bucket.day), _is_of(tenant, clearing)
                ),
                True,
            )


def unheld(tenant: UUID, items: Sequence[UUID]) -> list[UUID]:
    """The items that no active legal hold covers."""
    held = held_items(tenant)
    return [item for item in items if item not in held]


def held_items(tenant: UUID) -> set[UUID]:
    """The items that an active legal hold covers."""
    with across_tenants("erasure") as db:
        holds = Hold.objects.using(db).filter(tenant_id=tenant, released_at=None)
        return {UUID(item) for hold in holds for item in hold.items}


def day_range(day: int) -> tuple[UUID, UUID]:
    """First UUIDv7 of a day and of the day after."""
    return uuid7_floor(day * _DAY_MILLIS), uuid7_floor((day + 1) * _DAY_MILLIS)


def _clear(tenant: UUID, clearing: Clearing, where: sql.Composable, ordered: bool) -> int:
    """``ordered``: the rows are those of a range of ids, and are cleared in its order, so that no
    batch looks at the rows of those before it."""
    model = apps.get_model(clearing.model)
    cleared: int = 0
    begin: UUID | None = None
    while True:
        with across_tenants("erasure") as alias, connections[alias].cursor() as cursor:
            conditions = [where, _dirty(clearing), *_not_held(tenant, clearing)]
            if begin is not None:
                conditions.append(_from(clearing, begin))
            cursor.execute(_statement(model, clearing, conditions, ordered))
            ((count, begin),) = cursor.fetchall()
        cleared += count
        if count < BATCH:
            return cleared


def _statement(
    model: type[models.Model],
    clearing: Clearing,
    conditions: Sequence[sql.Composable],
    ordered: bool,
) -> str:
    """Gives how many rows were cleared; of ordered ones, also the last id among them."""
    key = [str(field.column) for field in model._meta.pk_fields]
    assignments: list[sql.Composable] = [
        sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in clearing.columns
    ]
    assignments += [
        sql.SQL("{0} = t.{0} - {1}::text[]").format(sql.Identifier(name), sql.Literal(list(keys)))
        for name, keys in clearing.json
    ]
    order: sql.Composable = sql.SQL("")
    last: sql.Composable = sql.SQL("NULL::text AS at")
    if ordered:
        column = sql.Identifier(clearing.day_of)
        order = sql.SQL("ORDER BY {}").format(column)
        last = sql.SQL("t.{}::text AS at").format(column)
    statement = sql.SQL(
        "WITH done AS (UPDATE {table} t SET {assignments} FROM (SELECT {key} FROM {table}"
        " WHERE {conditions} {order} LIMIT {batch} FOR UPDATE) hit WHERE {same} RETURNING {last})"
        ' SELECT count(*), max(at COLLATE "C")::uuid FROM done'
    ).format(
        order=order,
        last=last,
        table=sql.Identifier(model._meta.db_table),
        assignments=sql.SQL(", ").join(assignments),
        key=_names(key),
        conditions=sql.SQL(" AND ").join(conditions),
        batch=sql.Literal(BATCH),
        same=sql.SQL(" AND ").join(
            sql.SQL("t.{0} = hit.{0}").format(sql.Identifier(name)) for name in key
        ),
    )
    return statement.as_string()


def _from(clearing: Clearing, begin: UUID) -> sql.Composable:
    return sql.SQL("{} >= {}").format(sql.Identifier(clearing.day_of), sql.Literal(begin))


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join([sql.Identifier(name) for name in columns])


def _may_be_of(tenant: UUID) -> sql.Composable:
    """A call's first events, and calls that no tenant was found for, stand without tenant."""
    none = sql.SQL("tenant_id IS NULL")
    if tenant == INSTALLATION:
        return none
    return sql.SQL("(tenant_id = {} OR {})").format(sql.Literal(tenant), none)


def _is_of(tenant: UUID, clearing: Clearing) -> sql.Composable:
    """A row without tenant is that tenant's whose rows share its id; nobody's without such rows."""
    table = sql.Identifier(apps.get_model(clearing.model)._meta.db_table)
    shared = sql.SQL(
        "(SELECT 1 FROM {table} other WHERE other.{id} = {table}.{id} AND other.tenant_id "
    ).format(table=table, id=sql.Identifier(clearing.day_of))
    if tenant == INSTALLATION:
        return sql.SQL("(tenant_id IS NULL AND NOT EXISTS {}IS NOT NULL))").format(shared)
    return sql.SQL("(tenant_id = {0} OR (tenant_id IS NULL AND EXISTS {1}= {0})))").format(
        sql.Literal(tenant), shared
    )


def _dirty(clearing: Clearing) -> sql.Composable:
    parts: list[sql.Composable] = [
        sql.SQL("{} IS NOT NULL").format(sql.Identifier(name)) for name in clearing.columns
    ]
    parts += [
        sql.SQL("{} ?| {}::text[]").format(sql.Identifier(name), sql.Literal(list(keys)))
        for name, keys in clearing.json
    ]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))


def _within(column: str, first: int, last: int) -> sql.Composable:
    return sql.SQL("({0} >= {1} AND {0} < {2})").format(
        sql.Identifier(column), sql.Literal(day_range(first)[0]), sql.Literal(day_range(last)[1])
    )


def _held_persons(tenant: UUID) -> set[UUID]:
    holds = Hold.objects.using(OPERATOR).filter(tenant_id=tenant, released_at=None)
    return {UUID(span[0]) for hold in holds for span in hold.persons}


def _not_held(tenant: UUID, clearing: Clearing) -> Iterator[sql.Composable]:
    holds = Hold.objects.using(OPERATOR).filter(tenant_id=tenant, released_at=None)
    spans: list[list[Any]] = [span for hold in holds for span in hold.persons]
    for person, first, last in spans:
        named = sql.SQL("{} IN ({})").format(sql.Literal(UUID(person)), _names(clearing.persons))
        yield sql.SQL("({} AND {}) IS NOT TRUE").format(
            named, _within(clearing.day_of, first, last)
        )
