from __future__ import annotations

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    name = "ringfence.domains.policy"
    label = "policy"

    def ready(self) -> None:
        from ringfence.domains.policy import ended
        from ringfence.domains.policy.queries import profile_of
        from ringfence.domains.privacy.api import register_profile

        register_profile(profile_of)
        ended.register()
