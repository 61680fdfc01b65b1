from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "ringfence.domains.consent"
    label = "consent"

    def ready(self) -> None:
        from ringfence.domains.consent import ended
        from ringfence.domains.consent.usecases.opt_out import opt_out
        from ringfence.domains.privacy.api import register_opt_out

        ended.register()
        register_opt_out(opt_out)
