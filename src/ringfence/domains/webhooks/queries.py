"""Reading endpoints and deliveries, as the tenant that they belong to."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.webhooks.contracts import (
    DeliveryInfo,
    DeliveryNotFound,
    DeliveryPage,
    DeliveryState,
    EndpointInfo,
    WebhookNotFound,
)
from ringfence.domains.webhooks.models import Delivery, Endpoint
from ringfence.platform_django.tenancy import tenant

MAX_PAGE = 200


def endpoint_info(row: Endpoint) -> EndpointInfo:
    return EndpointInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        url=row.url,
        description=row.description,
        events=tuple(row.events),
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        rotating_until=row.rotating_until,
        created_at=row.created_at,
    )


def delivery_info(row: Delivery) -> DeliveryInfo:
    return DeliveryInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        endpoint_id=row.endpoint_id,
        type=row.type,
        data=row.data,
        state=row.state,
        attempts=row.attempts,
        occurred_at=row.occurred_at,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at if row.state == DeliveryState.PENDING else None,
        delivered_at=row.delivered_at,
        last_status=row.last_status,
        last_error=row.last_error,
        log=tuple(row.log),
    )


def access_endpoint(endpoint_id: UUID, *, change: bool = False) -> Endpoint:
    """An endpoint of the tenant in force, locked when it is to be changed.

    Raises WebhookNotFound.
    """
    rows = Endpoint.objects.filter(id=endpoint_id)
    row = (rows.select_for_update() if change else rows).first()
    if row is None:
        raise WebhookNotFound("no such webhook")
    return row


def get_endpoint(tenant_id: UUID, endpoint_id: UUID) -> EndpointInfo:
    """One of the tenant's endpoints. Raises WebhookNotFound."""
    with tenant(tenant_id):
        return endpoint_info(access_endpoint(endpoint_id))


def list_endpoints(tenant_id: UUID) -> tuple[EndpointInfo, ...]:
    """The tenant's endpoints, oldest first."""
    with tenant(tenant_id):
        return tuple(endpoint_info(row) for row in Endpoint.objects.order_by("id"))


def get_delivery(tenant_id: UUID, delivery_id: UUID) -> DeliveryInfo:
    """One of the tenant's deliveries. Raises DeliveryNotFound."""
    with tenant(tenant_id):
        row = Delivery.objects.filter(id=delivery_id).first()
    if row is None:
        raise DeliveryNotFound("no such delivery")
    return delivery_info(row)


def list_deliveries(
    tenant_id: UUID,
    endpoint_id: UUID,
    *,
    state: DeliveryState | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> DeliveryPage:
    """Deliveries to one endpoint, newest first, at most 200. Raises WebhookNotFound."""
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        access_endpoint(endpoint_id)
        rows = Delivery.objects.filter(tenant_id=tenant_id, endpoint_id=endpoint_id)
        if state is not None:
            rows = rows.filter(state=state)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = list(rows.order_by("-id")[: limit + 1])
    page = found[:limit]
    return DeliveryPage(
        tuple(map(delivery_info, page)), page[-1].id if len(found) > limit else None
    )
