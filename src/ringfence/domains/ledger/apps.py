from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "ringfence.domains.ledger"
    label = "ledger"
