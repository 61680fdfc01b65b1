from __future__ import annotations

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "ringfence.domains.devices"
    label = "devices"

    def ready(self) -> None:
        from ringfence.domains.devices import queries
        from ringfence.domains.flows import api as flows

        flows.know_devices(queries.usernames)
