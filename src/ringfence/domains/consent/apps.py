from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "ringfence.domains.consent"
    label = "consent"

    def ready(self) -> None:
        from ringfence.domains.consent import ended

        ended.register()
