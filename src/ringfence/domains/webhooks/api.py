"""Webhooks, for other domains and the entrances."""

from ringfence.domains.webhooks.payloads import register_payload
from ringfence.domains.webhooks.queries import (
    get_delivery,
    get_endpoint,
    list_deliveries,
    list_endpoints,
)
from ringfence.domains.webhooks.usecases.change_endpoint import change_endpoint, delete_endpoint
from ringfence.domains.webhooks.usecases.create_endpoint import create_endpoint
from ringfence.domains.webhooks.usecases.enqueue import enqueue, enqueue_events, enqueue_notices
from ringfence.domains.webhooks.usecases.purge import purge
from ringfence.domains.webhooks.usecases.replay import replay_dead, replay_delivery, send_test
from ringfence.domains.webhooks.usecases.rotate_secret import rotate_secret

__all__ = [
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "enqueue",
    "enqueue_events",
    "enqueue_notices",
    "get_delivery",
    "get_endpoint",
    "list_deliveries",
    "list_endpoints",
    "purge",
    "register_payload",
    "replay_dead",
    "replay_delivery",
    "rotate_secret",
    "send_test",
]
