from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "ringfence.domains.webhooks"
    label = "webhooks"
