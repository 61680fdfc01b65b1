from __future__ import annotations

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "ringfence.domains.flows"
    label = "flows"

    def ready(self) -> None:
        from ringfence.domains.flows import erasure, published
        from ringfence.domains.trunks import api as trunks

        erasure.register()
        trunks.register_uses(published.led_over)
