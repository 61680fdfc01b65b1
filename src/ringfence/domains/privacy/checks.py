"""System checks: what is erased is generated from the classification, so it must be whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register
from django.db.models import Model, UUIDField

from ringfence.domains.privacy.contracts import (
    Classification,
    ClassificationError,
    FieldClass,
    PersonId,
)
from ringfence.domains.privacy.registry import all_classifications, classification
from ringfence.domains.privacy.rules.clean_up import columns_of, of_person, person_columns
from ringfence.platform_django.sealed import SealedField


@register()
def sealed_fields_are_classified(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Number and role of every sealed field are those that it is registered with."""
    configs = apps.get_app_configs() if app_configs is None else app_configs
    return [
        Error(
            f"{model._meta.label}.{field.name} is sealed otherwise than it is classified",
            hint="register it in personal_data.py with its permanent number and its role",
            obj=field,
            id="ringfence.E002",
        )
        for config in configs
        for model in config.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SealedField)
        and not _agrees(field, classification(model._meta.label, field.name))
    ]


def _agrees(field: SealedField, entry: Classification | None) -> bool:
    if not isinstance(entry, FieldClass) or entry.role != (field.role or None):
        return False
    if entry.number is None:
        return frozenset(entry.copy_of) == field.numbers
    return not entry.copy_of and field.numbers == {entry.number}


@register()
def persons_are_named(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Every column with a person's id is known as one and has an index; whatever is cleared with a
    person has a column that names them, and one that names its day."""
    configs = apps.get_app_configs() if app_configs is None else app_configs
    entries = all_classifications()
    names = {f"{entry.role}_id" for entry in entries if isinstance(entry, PersonId)}
    names |= {"person_id", "subject_id"}
    found: list[CheckMessage] = []
    for config in configs:
        for model in config.get_models():
            label = model._meta.label
            own = [entry for entry in entries if entry.model == label]
            for field in model._meta.concrete_fields:
                entry = classification(label, field.name)
                if isinstance(entry, PersonId):
                    if not _indexed(model, field.name):
                        found.append(_error(f"{label}.{field.name} has no index", model))
                elif field.name in names and isinstance(field, UUIDField):
                    found.append(_error(f"{label}.{field.name} names a person", model))
                elif isinstance(field, SealedField) and field.person:
                    found += _misplaced(label, model, field, entry, own)
            found += _unnamed(model, own)
    return found


def _misplaced(
    label: str,
    model: type[Model],
    field: SealedField,
    entry: Classification | None,
    own: Sequence[Classification],
) -> list[CheckMessage]:
    if not isinstance(entry, FieldClass) or field.role not in person_columns(own).get(label, {}):
        return []  # said by the other checks
    sealed = ((field.person,), field.day_of, str(field.category), field.rule)
    classified = (
        columns_of(person_columns(own), entry),
        entry.day_of,
        str(entry.category),
        entry.retention,
    )
    if sealed == classified:
        return []
    return [_error(f"{label}.{field.name} is sealed for another person or day", model)]


def _unnamed(model: type[Model], own: Sequence[Classification]) -> list[CheckMessage]:
    try:
        clearings = of_person(own, ())
    except ClassificationError as error:
        return [_error(str(error), model)]
    uuids = {field.name for field in model._meta.concrete_fields if isinstance(field, UUIDField)}
    return [
        _error(f"{clearing.model}.{clearing.day_of} names no day", model)
        for clearing in clearings
        if clearing.day_of not in uuids
    ]


def _indexed(model: type[Model], column: str) -> bool:
    """Whether the rows of one person are found without reading all."""
    leading = [index.fields[:2] for index in model._meta.indexes]
    return [column] in [fields[:1] for fields in leading] or ["tenant_id", column] in leading


def _error(message: str, model: type[Model]) -> Error:
    hint = "see PersonId and FieldClass in domains/privacy/contracts.py"
    return Error(message, hint=hint, obj=model, id="ringfence.E003")
