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

        # Its messages contain the request's path; failures are logged in http.handle_errors.
        logging.getLogger("django.request").disabled = True
