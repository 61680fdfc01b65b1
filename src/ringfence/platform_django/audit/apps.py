from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Who used which personal values, and for what."""

    name = "ringfence.platform_django.audit"
    label = "audit"
    verbose_name = "Audit"
