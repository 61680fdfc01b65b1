from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "ringfence.domains.ledger"
    label = "ledger"

    def ready(self) -> None:
        from ringfence.domains.ledger import ended
        from ringfence.domains.ledger.usecases.tell_low_balance import TYPE, message
        from ringfence.domains.webhooks.api import register_payload

        register_payload(message, TYPE)
        ended.register()
