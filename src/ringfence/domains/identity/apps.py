from __future__ import annotations

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "ringfence.domains.identity"
    label = "identity"

    def ready(self) -> None:
        from ringfence.domains.identity import leaving
        from ringfence.domains.identity.sign_in import receivers

        leaving.register()
        receivers.connect()
