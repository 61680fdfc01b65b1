"""What of which rows a person's package contains, read off the classification alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ringfence.domains.privacy.contracts import (
    Classification,
    ClassificationError,
    FieldClass,
    RowLink,
)
from ringfence.domains.privacy.rules.clean_up import EITHER, person_columns


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of one table that are a person's, and what of them is."""

    model: str
    roles: tuple[tuple[str, str], ...]
    """Role and the column that names who has it; of ``link.to`` where there is a link."""
    fields: tuple[FieldClass, ...]
    link: RowLink | None
    """How its rows are found that name nobody themselves."""


def exports(entries: Iterable[Classification], links: Iterable[RowLink]) -> tuple[Export, ...]:
    """By table. Raises ClassificationError for a value of a person that no way leads to."""
    entries = tuple(entries)
    columns = person_columns(entries)
    by_model = {link.model: link for link in links}
    fields: dict[str, list[FieldClass]] = {}
    for entry in entries:
        if isinstance(entry, FieldClass) and entry.export and entry.role:
            fields.setdefault(entry.model, []).append(entry)
    found = []
    for model, own in sorted(fields.items()):
        link = None if model in columns else by_model.get(model)
        roles = columns.get(link.to if link else model, {})
        for field in own:
            if not roles or (field.role != EITHER and field.role not in roles):
                raise ClassificationError(f"{model}.{field.field}: no way leads from its person")
        found.append(Export(model, tuple(sorted(roles.items())), tuple(own), link))
    return tuple(found)


def exported(field: FieldClass, roles: Collection[str]) -> bool:
    """Whether a value is that of somebody who has these roles in its row."""
    return bool(roles) and (field.role == EITHER or field.role in roles)


def visible(field: FieldClass, value: Any) -> Any:
    """What of a stored value is the person's: of an object only the keys that are clear facts."""
    if not field.json_keys or not isinstance(value, dict):
        return value
    return {key: value[key] for key in field.json_keys if key in value} or None
