"""A tenant changes, enables, disables or deletes an endpoint."""

from __future__ import annotations

from uuid import UUID

from django.db import connections

from ringfence.domains.webhooks.contracts import DisabledReason, EndpointChange, EndpointInfo
from ringfence.domains.webhooks.models import Delivery, Endpoint
from ringfence.domains.webhooks.outbox import disable
from ringfence.domains.webhooks.queries import access_endpoint, endpoint_info
from ringfence.domains.webhooks.reach import check_reach
from ringfence.domains.webhooks.rules.validation import check_description, check_events
from ringfence.platform_django.tenancy import APP, tenant


def change_endpoint(tenant_id: UUID, endpoint_id: UUID, change: EndpointChange) -> EndpointInfo:
    """Change what is given. What waits for an endpoint that is disabled is dead at once, and can be
    replayed; an enabled one is told of what happens from then on.

    Raises WebhookNotFound, InvalidWebhook.
    """
    with tenant(tenant_id):
        row = access_endpoint(endpoint_id, change=True)
        if change.url is not None and change.url != row.url:
            check_reach(change.url)
            row.url = change.url
        if change.events is not None:
            row.events = list(check_events(change.events))
        if change.description is not None:
            row.description = check_description(change.description)
        if change.enabled is not None and change.enabled != row.enabled:
            _switch(row, change.enabled)
        row.save()
    return endpoint_info(row)


def _switch(row: Endpoint, enabled: bool) -> None:
    row.enabled, row.failing_since = enabled, None
    row.disabled_reason = None if enabled else DisabledReason.REQUEST
    if not enabled:
        with connections[APP].cursor() as cursor:
            disable(cursor, [row.id], DisabledReason.REQUEST)


def delete_endpoint(tenant_id: UUID, endpoint_id: UUID) -> None:
    """Delete an endpoint and everything that was or is to be sent to it. Raises WebhookNotFound."""
    with tenant(tenant_id):
        row = access_endpoint(endpoint_id, change=True)
        Delivery.objects.filter(tenant_id=tenant_id, endpoint_id=endpoint_id).delete()
        row.delete()
