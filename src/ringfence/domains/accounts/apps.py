from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ringfence.domains.accounts"
    label = "accounts"

    def ready(self) -> None:
        from ringfence.domains.accounts import ended, retention
        from ringfence.domains.accounts.usecases import end_tenant

        retention.register()
        ended.register()
        end_tenant.register()
