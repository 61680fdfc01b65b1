"""Reading erasures, holds, and which persons and items the tables of all domains know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models

from ringfence.domains.privacy.contracts import ErasureInfo, ErasureNotFound, ErasureState, PersonId
from ringfence.domains.privacy.models import ErasureOrder, Hold
from ringfence.domains.privacy.registry import all_classifications, person_ids
from ringfence.domains.privacy.rules.clean_up import of_bucket
from ringfence.domains.privacy.usecases.clear_rows import day_range
from ringfence.domains.privacy.usecases.order_erasure import erasure_info
from ringfence.kernel.ids import uuid7_day, uuid7_millis
from ringfence.platform.keys.names import day_date
from ringfence.platform_django.tenancy import APP, OPERATOR, tenant

_DAY_MILLIS = 86_400_000


def get_erasure(tenant_id: UUID, erasure_id: UUID) -> ErasureInfo:
    """One erasure of a tenant. Raises ErasureNotFound."""
    with tenant(tenant_id):
        row = ErasureOrder.objects.using(APP).filter(id=erasure_id, tenant_id=tenant_id).first()
    if row is None:
        raise ErasureNotFound("no such erasure")
    return erasure_info(row)


def unfinished_erasures() -> list[UUID]:
    """Those that are not cleaned, oldest first."""
    rows = ErasureOrder.objects.using(OPERATOR).exclude(state=ErasureState.CLEANED)
    return list(rows.order_by("id").values_list("id", flat=True))


def erasures_since(moment: datetime, tenant_id: UUID | None = None) -> list[UUID]:
    """Finished ones that were ordered since then, of one tenant or (None) of all."""
    rows = ErasureOrder.objects.using(OPERATOR).filter(
        state=ErasureState.CLEANED, ordered_at__gte=moment
    )
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    return list(rows.order_by("id").values_list("id", flat=True))


def is_held(tenant_id: UUID) -> bool:
    """Whether a legal hold of the tenant lasts."""
    return Hold.objects.using(OPERATOR).filter(tenant_id=tenant_id, released_at=None).exists()


def newest_day(tenant_id: UUID, tables: Iterable[type[models.Model]]) -> date | None:
    """The day of the newest row of a tenant in tables whose ids are UUIDv7."""
    newest = [
        model._base_manager.using(OPERATOR)
        .filter(tenant_id=tenant_id)
        .order_by("-id")
        .values_list("id", flat=True)
        .first()
        for model in tables
    ]
    return max((day_date(uuid7_day(id_)) for id_ in newest if id_ is not None), default=None)


def oldest_day(tables: Iterable[models.QuerySet[Any]]) -> date | None:
    """The day of the oldest of some rows whose ids are UUIDv7."""
    oldest = [rows.order_by("id").values_list("id", flat=True).first() for rows in tables]
    return min((day_date(uuid7_day(id_)) for id_ in oldest if id_ is not None), default=None)


def person_is_known(tenant_id: UUID, person: UUID) -> bool:
    """Whether any row of the tenant names this person."""
    return any(
        _rows(entry).filter(tenant_id=tenant_id, **{entry.field: person}).exists()
        for entry in person_ids()
    )


def persons_of_tenant(tenant_id: UUID) -> set[UUID]:
    """Everybody whom a row of the tenant names."""
    return {
        person
        for entry in person_ids()
        for person in _rows(entry)
        .filter(tenant_id=tenant_id, **{f"{entry.field}__isnull": False})
        .values_list(entry.field, flat=True)
        .distinct()
    }


def known_persons(persons: Iterable[UUID]) -> set[UUID]:
    """Those of these persons that any row of any tenant names."""
    wanted = list(persons)
    return {
        person
        for entry in person_ids()
        for person in _rows(entry)
        .filter(**{f"{entry.field}__in": wanted})
        .values_list(entry.field, flat=True)
        .distinct()
    }


def known_items(items: Iterable[UUID]) -> set[UUID]:
    """Those of these items that any row of any tenant names."""
    wanted = list(items)
    return {
        item
        for entry in person_ids()
        if entry.item is not None
        for item in _rows(entry)
        .filter(**{f"{entry.item}__in": wanted})
        .values_list(entry.item, flat=True)
    }


def own_items(tenant_id: UUID, person: UUID) -> set[UUID]:
    """The items that are this person's alone."""
    return {
        item
        for entry in person_ids()
        if entry.item is not None
        for item in _rows(entry)
        .filter(tenant_id=tenant_id, **{entry.field: person})
        .values_list(entry.item, flat=True)
    }


def first_day(category: str, rule: str) -> int | None:
    """The oldest day of which any row may hold values of this kind."""
    oldest = [
        model._base_manager.using(OPERATOR).order_by(day_of).values_list(day_of, flat=True).first()
        for model, day_of in _tables(category, rule)
    ]
    return min((_day_of_id(id_) for id_ in oldest if id_ is not None), default=None)


def next_row_day(
    category: str, rule: str, tenant_id: UUID | None, first: int, end: int
) -> int | None:
    """The first day from ``first`` on, before ``end``, of which rows of a tenant, or of none, may
    hold values of this kind. Where a table finds a tenant's days by an index, those that hang on
    its rows (legs and events of a call) are not asked: their days are the same."""
    tables = list(_tables(category, rule))
    indexed = [(model, day_of) for model, day_of in tables if tenant_id and _finds(model, day_of)]
    oldest = [
        model._base_manager.using(OPERATOR)
        .filter(
            tenant_id=tenant_id,
            **{f"{day_of}__gte": day_range(first)[0], f"{day_of}__lt": day_range(end)[0]},
        )
        .order_by(day_of)
        .values_list(day_of, flat=True)
        .first()
        for model, day_of in (indexed or tables)
        if first < end
    ]
    return min((_day_of_id(id_) for id_ in oldest if id_ is not None), default=None)


def last_expired_days(category: str, rule: str) -> dict[UUID, int]:
    """By tenant, the newest day of this kind that was ordered to expire."""
    rows = ErasureOrder.objects.using(OPERATOR).filter(category=category, rule=rule)
    return dict(rows.values_list("tenant_id").annotate(models.Max("day")))


def _finds(model: type[models.Model], day_of: str) -> bool:
    return any(index.fields[:2] == ["tenant_id", day_of] for index in model._meta.indexes)


def _day_of_id(id_: UUID) -> int:
    return uuid7_millis(id_) // _DAY_MILLIS


def _tables(category: str, rule: str) -> Iterator[tuple[type[models.Model], str]]:
    for clearing in of_bucket(all_classifications(), category, rule):
        yield apps.get_model(clearing.model), clearing.day_of


def _rows(entry: PersonId) -> models.QuerySet[models.Model]:
    model: type[models.Model] = apps.get_model(entry.model)
    return model._base_manager.using(OPERATOR)
