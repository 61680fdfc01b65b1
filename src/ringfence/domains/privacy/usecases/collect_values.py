"""One walk over every domain: what the tables hold of a person, opened for the purpose in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models

from ringfence.domains.privacy.registry import all_classifications, row_links
from ringfence.domains.privacy.rules.exporting import Export, exported, exports, visible
from ringfence.platform_django.sealed import SealedField, open_groups
from ringfence.platform_django.tenancy import across_tenants

BATCH = 500
Linked = dict[Any, set[str]]
"""By the value that links rows: the person's roles in the rows that name them."""


@dataclass(slots=True)
class Row:
    """What of one row is the person's."""

    key: str
    """Its own id; random, and the same in every package that contains it."""
    roles: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Sealed values that do not open, and why: the code of an error."""


@dataclass(slots=True)
class Table:
    """``app.Model``, the fields that are exported of it, and the rows."""

    name: str
    fields: list[str]
    rows: list[Row]


def collect_values(tenant: UUID, person: UUID) -> list[Table]:
    """Every table, also those that hold nothing of the person.

    Raises PurposeRequired without a use, Refused, Unavailable, django.db.Error.
    """
    planned = exports(all_classifications(), row_links())
    return [
        Table(one.model, [entry.field for entry in one.fields], list(_rows(one, tenant, person)))
        for one in planned
    ]


def _rows(export: Export, tenant: UUID, person: UUID) -> Iterator[Row]:
    model: type[models.Model] = apps.get_model(export.model)
    key = [item.attname for item in model._meta.pk_fields]
    linked = None if export.link is None else _linked(export, tenant, person)
    after: tuple[Any, ...] | None = None
    while True:
        with across_tenants("rights") as db:
            rows = model._base_manager.using(db).filter(
                _of_person(export, person, linked), tenant_id=tenant
            )
            if after is not None:
                rows = rows.filter(pk__gt=after if len(key) > 1 else after[0])
            batch = list(rows.order_by("pk").only(*_needed(model, export))[:BATCH])
        yield from _taken(export, [(row, _roles(export, row, person, linked)) for row in batch])
        if len(batch) < BATCH:
            return
        after = tuple(getattr(batch[-1], name) for name in key)


def _of_person(export: Export, person: UUID, linked: Linked | None) -> models.Q:
    if export.link is not None:
        return models.Q(**{f"{export.link.field}__in": list(linked or ())})
    wanted = models.Q()
    for _, column in export.roles:
        wanted |= models.Q(**{column: person})
    return wanted


def _roles(
    export: Export, row: models.Model, person: UUID, linked: Linked | None
) -> frozenset[str]:
    if export.link is not None:
        return frozenset((linked or {})[getattr(row, export.link.field)])
    return frozenset(role for role, column in export.roles if getattr(row, column) == person)


def _linked(export: Export, tenant: UUID, person: UUID) -> Linked:
    assert export.link is not None
    model: type[models.Model] = apps.get_model(export.link.to)
    found: Linked = {}
    with across_tenants("rights") as db:
        for role, column in export.roles:
            rows = model._base_manager.using(db).filter(tenant_id=tenant, **{column: person})
            for value in rows.values_list(export.link.to_field, flat=True):
                found.setdefault(value, set()).add(role)
    return found


def _needed(model: type[models.Model], export: Export) -> set[str]:
    """Nothing else is read: the operator's role may see no more of some tables."""
    names = {item.attname for item in model._meta.pk_fields} | {"tenant_id"}
    names |= {entry.field for entry in export.fields}
    if export.link is None:
        names |= {column for _, column in export.roles}
    else:
        names.add(export.link.field)
    for entry in export.fields:
        kind = model._meta.get_field(entry.field)
        if isinstance(kind, SealedField):
            names |= {kind.row, kind.day_of, kind.person, *([kind.account] if kind.account else [])}
    return names


def _taken(export: Export, batch: Sequence[tuple[models.Model, frozenset[str]]]) -> Iterator[Row]:
    """A sealed value is asked for only in the rows where it is the person's: nobody else's is
    opened on the way."""
    taken = [Row(_key(row), sorted(roles)) for row, roles in batch]
    groups, places = [], []
    for entry in export.fields:
        name = entry.field
        own = [at for at, (_, roles) in enumerate(batch) if exported(entry, roles)]
        if own and isinstance(batch[0][0]._meta.get_field(name), SealedField):
            groups.append(([batch[at][0] for at in own], [name]))
            places.append((name, own))
            continue
        for at in own:
            value = visible(entry, getattr(batch[at][0], name))
            if value is not None:
                taken[at].values[name] = _plain(value)
    for (name, own), results in zip(places, open_groups(*groups), strict=True):
        for at, result in zip(own, results, strict=True):
            opened = result[name]
            if opened.error is not None:
                taken[at].unreadable[name] = opened.error
            elif opened.value is not None:
                taken[at].values[name] = opened.value
    yield from taken


def _key(row: models.Model) -> str:
    return "-".join(str(_plain(getattr(row, item.attname))) for item in row._meta.pk_fields)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, UUID):
        return value.hex
    return value.isoformat() if isinstance(value, datetime | date) else value
