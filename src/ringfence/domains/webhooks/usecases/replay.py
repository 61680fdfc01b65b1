"""A tenant has deliveries made again, or tries an endpoint."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ringfence.domains.webhooks.contracts import (
    TEST_TYPE,
    DeliveryInfo,
    DeliveryNotFound,
    DeliveryState,
    WebhookDisabled,
)
from ringfence.domains.webhooks.models import Delivery, Endpoint
from ringfence.domains.webhooks.queries import access_endpoint, delivery_info
from ringfence.domains.webhooks.usecases.enqueue import enqueue_for
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import tenant


def replay_delivery(tenant_id: UUID, delivery_id: UUID) -> DeliveryInfo:
    """Make one delivery again, now and under its own id, whatever became of it.

    Raises DeliveryNotFound, WebhookDisabled.
    """
    with tenant(tenant_id):
        row = Delivery.objects.select_for_update().filter(id=delivery_id).first()
        if row is None:
            raise DeliveryNotFound("no such delivery")
        _enabled(access_endpoint(row.endpoint_id))
        if row.state != DeliveryState.PENDING:
            _again(Delivery.objects.filter(id=delivery_id))
            row.refresh_from_db()
    return delivery_info(row)


def replay_dead(tenant_id: UUID, endpoint_id: UUID, since: datetime) -> int:
    """Make all dead deliveries again that were created at ``since`` or later; how many.

    Raises WebhookNotFound, WebhookDisabled.
    """
    with tenant(tenant_id):
        _enabled(access_endpoint(endpoint_id))
        return _again(
            Delivery.objects.filter(
                tenant_id=tenant_id,
                endpoint_id=endpoint_id,
                state=DeliveryState.DEAD,
                created_at__gte=since,
            )
        )


def send_test(tenant_id: UUID, endpoint_id: UUID) -> DeliveryInfo:
    """Send the endpoint a message of the type ``webhook.test``.

    Raises WebhookNotFound, WebhookDisabled.
    """
    with tenant(tenant_id):
        endpoint = access_endpoint(endpoint_id)
        _enabled(endpoint)
        data = {"webhook": public_id(Prefix.WEBHOOK, endpoint_id)}
        found = enqueue_for(endpoint, TEST_TYPE, data, f"test:{new_id().hex}")
        return delivery_info(Delivery.objects.get(id=found))


def _enabled(endpoint: Endpoint) -> None:
    if not endpoint.enabled:
        raise WebhookDisabled("the webhook is disabled")


def _again(rows: QuerySet[Delivery, Any]) -> int:
    return rows.update(
        state=DeliveryState.PENDING,
        attempts=0,
        next_attempt_at=clock().now(),
        delivered_at=None,
        last_error=None,
        last_status=None,
    )
