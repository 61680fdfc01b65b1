from __future__ import annotations

from django.apps import AppConfig


class TrunksConfig(AppConfig):
    name = "ringfence.domains.trunks"
    label = "trunks"
