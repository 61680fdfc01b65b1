from __future__ import annotations

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "ringfence.domains.identity"
    label = "identity"

    def ready(self) -> None:
        from ringfence.domains.identity.sign_in import receivers

        receivers.connect()
