"""System checks of the architecture: what import rules cannot see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register


@register()
def relations_stay_inside_an_app(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """A relation may only point to a model of its own app; others are referenced by id."""
    configs = apps.get_app_configs() if app_configs is None else app_configs
    return [
        Error(
            f"{model._meta.label}.{field.name} points to another app",
            hint="reference other domains by id",
            obj=field,
            id="ringfence.E001",
        )
        for config in configs
        if config.name.startswith("ringfence.")
        for model in config.get_models()
        for field in model._meta.get_fields()
        if field.is_relation
        and not field.auto_created
        and isinstance(field.related_model, type)
        and field.related_model._meta.app_label != model._meta.app_label
    ]
