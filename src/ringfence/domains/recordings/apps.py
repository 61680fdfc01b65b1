from __future__ import annotations

from django.apps import AppConfig


class RecordingsConfig(AppConfig):
    name = "ringfence.domains.recordings"
    label = "recordings"

    def ready(self) -> None:
        from ringfence.domains.recordings import erasure, package, webhooks

        erasure.register()
        package.register()
        webhooks.register()
