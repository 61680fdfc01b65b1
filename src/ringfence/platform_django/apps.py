from __future__ import annotations

import logging

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """What every domain stands on: tenancy, partitions, configuration version, jobs."""

    name = "ringfence.platform_django"
    label = "platform"
    verbose_name = "Platform"

    def ready(self) -> None:
        from ringfence.platform_django import checks  # noqa: F401 - registers the system check

        # Their messages contain the request's path; failures are logged in http.handle_errors.
        for name in ("django.request", "django.security.csrf"):
            logging.getLogger(name).disabled = True
