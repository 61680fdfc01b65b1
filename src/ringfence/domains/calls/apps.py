from __future__ import annotations

from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "ringfence.domains.calls"
    label = "calls"

    def ready(self) -> None:
        from ringfence.domains.calls import webhooks

        webhooks.register()
