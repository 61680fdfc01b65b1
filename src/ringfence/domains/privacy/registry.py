"""The classification of every stored field, as the domains registered it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Model

from ringfence.domains.privacy.contracts import (
    Classification,
    ClassificationError,
    FieldClass,
    NotPersonal,
    PersonId,
    RowLink,
)

_entries: dict[tuple[str, str], Classification] = {}
_sealed: dict[int, tuple[str, str]] = {}
_links: dict[str, RowLink] = {}


def register(*entries: Classification) -> None:
    """Classify fields. Raises ClassificationError for a field or a field number used twice."""
    for entry in entries:
        key = (entry.model, entry.field)
        if key in _entries and _entries[key] != entry:
            raise ClassificationError(f"{entry.model}.{entry.field} is classified twice")
        if isinstance(entry, NotPersonal) and not entry.reason.strip():
            raise ClassificationError(f"{entry.model}.{entry.field}: no reason given")
        number = entry.number if isinstance(entry, FieldClass) else None
        if number is not None and _sealed.setdefault(number, key) != key:
            raise ClassificationError(f"field number {number} is used twice")
        _entries[key] = entry


def not_personal(model: str, reason: str, *fields: str) -> None:
    """Register several fields of a model that tell nothing about a person."""
    register(*(NotPersonal(model, field, reason) for field in fields))


def link_rows(link: RowLink) -> None:
    """Tell whose the rows of a table are that name nobody. Raises ClassificationError for a second
    way to the same table."""
    if _links.setdefault(link.model, link) != link:
        raise ClassificationError(f"{link.model} is linked twice")


def row_links() -> tuple[RowLink, ...]:
    """Every link, by model."""
    return tuple(_links[model] for model in sorted(_links))


def classification(model: str, field: str) -> Classification | None:
    """How a field is classified, if anyone did."""
    return _entries.get((model, field))


def all_classifications() -> tuple[Classification, ...]:
    """Everything registered, by model and field."""
    return tuple(_entries[key] for key in sorted(_entries))


def person_ids() -> tuple[PersonId, ...]:
    """Every column that holds the id of a person."""
    return tuple(entry for entry in all_classifications() if isinstance(entry, PersonId))


def _stored_fields(model: type[Model]) -> Iterable[str]:
    return (field.name for field in model._meta.concrete_fields if field.column)


def unclassified(models: Iterable[type[Model]]) -> tuple[str, ...]:
    """``app.Model.field`` of each stored field that no one classified."""
    return tuple(
        f"{model._meta.label}.{field}"
        for model in models
        for field in _stored_fields(model)
        if (model._meta.label, field) not in _entries
    )


def stale(models: Iterable[type[Model]]) -> tuple[str, ...]:
    """``app.Model.field`` of each classification whose field does not exist."""
    present = {(model._meta.label, field) for model in models for field in _stored_fields(model)}
    return tuple(f"{model}.{field}" for model, field in sorted(_entries.keys() - present))
