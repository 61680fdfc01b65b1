"""System check: a sealed field and its classification say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register

from ringfence.domains.privacy.contracts import Classification, FieldClass
from ringfence.domains.privacy.registry import classification
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
