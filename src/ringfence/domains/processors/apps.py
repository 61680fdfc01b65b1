from __future__ import annotations

from django.apps import AppConfig


class ProcessorsConfig(AppConfig):
    name = "ringfence.domains.processors"
    label = "processors"
