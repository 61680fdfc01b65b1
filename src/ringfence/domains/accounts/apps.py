from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ringfence.domains.accounts"
    label = "accounts"

    def ready(self) -> None:
        from ringfence.domains.accounts import retention
        from ringfence.domains.accounts.usecases import end_tenant

        retention.register()
        end_tenant.register()
