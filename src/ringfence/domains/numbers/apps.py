from __future__ import annotations

from django.apps import AppConfig


class NumbersConfig(AppConfig):
    name = "ringfence.domains.numbers"
    label = "numbers"

    def ready(self) -> None:
        from ringfence.domains.flows import api as flows
        from ringfence.domains.numbers import queries
        from ringfence.domains.trunks import api as trunks

        flows.know_numbers(queries.owned_numbers, queries.routed_numbers)
        trunks.register_uses(queries.led_over)
