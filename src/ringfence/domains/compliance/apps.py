from __future__ import annotations

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    name = "ringfence.domains.compliance"
    label = "compliance"

    def ready(self) -> None:
        from ringfence.domains.compliance import records

        records.register()
