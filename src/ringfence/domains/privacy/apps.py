from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PrivacyConfig(AppConfig):
    name = "ringfence.domains.privacy"
    label = "privacy"

    def ready(self) -> None:
        from ringfence.domains.privacy import (
            certificates,
            checks,  # noqa: F401 - registers the system check
            package_items,
        )

        package_items.register()
        certificates.register()

        autodiscover_modules("personal_data")
