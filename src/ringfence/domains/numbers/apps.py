from __future__ import annotations

from django.apps import AppConfig


class NumbersConfig(AppConfig):
    name = "ringfence.domains.numbers"
    label = "numbers"
