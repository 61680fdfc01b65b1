"""Which columns of which rows a destruction clears, read off the classification alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ringfence.domains.privacy.contracts import (
    Category,
    Classification,
    ClassificationError,
    Erasure,
    FieldClass,
    PersonId,
)

EITHER = "either"
_CLEARED = (Erasure.DELETE_VALUE, Erasure.CLEAR_FACT)


@dataclass(frozen=True, slots=True)
class Clearing:
    """Part of the rows of one table that is cleared together."""

    model: str
    persons: tuple[str, ...]
    """The columns that name whose values these are."""
    day_of: str
    """The column with the UUIDv7 that names the row's day."""
    columns: tuple[str, ...]
    """They become NULL."""
    json: tuple[tuple[str, tuple[str, ...]], ...]
    """Columns with JSON objects, and the keys that leave them."""


def of_person(entries: Iterable[Classification], keep: Collection[str]) -> tuple[Clearing, ...]:
    """What an erasure clears in the rows of a person, by the column that names them.

    Categories that the law keeps stay, and clear facts with the identifier that they were read off.
    Raises ClassificationError for a value of a role that no column of its model names.
    """
    entries = tuple(entries)
    columns = person_columns(entries)
    found: dict[tuple[str, tuple[str, ...], str], list[FieldClass]] = {}
    for field in _cleared(entries):
        if _lives_with(field).isdisjoint(keep):
            for person in columns_of(columns, field):
                found.setdefault((field.model, (person,), field.day_of), []).append(field)
    return tuple(_clearing(*group, fields) for group, fields in sorted(found.items()))


def of_bucket(entries: Iterable[Classification], category: str, rule: str) -> tuple[Clearing, ...]:
    """What the end of a day clears: its sealed values and the clear facts of the same rule.

    Raises ClassificationError like ``of_person``.
    """
    entries = tuple(entries)
    columns = person_columns(entries)
    found: dict[tuple[str, str], tuple[set[str], list[FieldClass]]] = {}
    for field in _cleared(entries):
        if field.retention == rule and category in _lives_with(field):
            persons, fields = found.setdefault((field.model, field.day_of), (set(), []))
            persons.update(columns_of(columns, field))
            fields.append(field)
    return tuple(
        _clearing(model, tuple(sorted(persons)), day_of, fields)
        for (model, day_of), (persons, fields) in sorted(found.items())
    )


def person_columns(entries: Iterable[Classification]) -> dict[str, dict[str, str]]:
    """By model, the column that names the person of each role."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        if isinstance(entry, PersonId):
            found.setdefault(entry.model, {})[entry.role] = entry.field
    return found


def columns_of(columns: dict[str, dict[str, str]], field: FieldClass) -> tuple[str, ...]:
    """The columns that name the persons of a value. Raises ClassificationError when none does."""
    roles = columns.get(field.model, {})
    if field.role == EITHER and roles:
        return tuple(roles.values())
    if field.role in roles:
        return (roles[field.role],)
    raise ClassificationError(f"{field.model}.{field.field}: no column names whose value it is")


def _lives_with(field: FieldClass) -> set[str]:
    """The categories of keys that keep a value: a clear fact was read off an identifier."""
    if field.erasure is Erasure.CLEAR_FACT:
        return {str(field.category), str(Category.IDENTIFIER)}
    return {str(field.category)}


def _cleared(entries: Iterable[Classification]) -> Iterable[FieldClass]:
    for entry in entries:
        if isinstance(entry, FieldClass) and entry.role and entry.erasure in _CLEARED:
            yield entry


def _clearing(
    model: str, persons: tuple[str, ...], day_of: str, fields: Iterable[FieldClass]
) -> Clearing:
    ordered = sorted(fields, key=lambda field: field.field)
    return Clearing(
        model,
        persons,
        day_of,
        tuple(field.field for field in ordered if not field.json_keys),
        tuple((field.field, field.json_keys) for field in ordered if field.json_keys),
    )
