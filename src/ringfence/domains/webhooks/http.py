"""REST API of webhooks and their deliveries."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.webhooks import api
from ringfence.domains.webhooks.schemas import (
    DeliveryList,
    DeliveryOut,
    DeliveryQuery,
    ReplayIn,
    ReplayOut,
    WebhookIn,
    WebhookList,
    WebhookOut,
    WebhookPatch,
    WebhookWithSecret,
    delivery_out,
    webhook_out,
    webhook_with_secret,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["webhooks"])


def _webhook(text: str) -> UUID:
    return parse_public_id(Prefix.WEBHOOK, text)


@router.get("/webhooks", response=responses(WebhookList), operation_id="list_webhooks")
@requires("webhooks:read")
def list_webhooks(request: HttpRequest) -> WebhookList:
    """The tenant's webhooks, oldest first, without their secrets."""
    found = api.list_endpoints(caller_of(request).tenant_id)
    return WebhookList(webhooks=[webhook_out(info) for info in found])


@router.post(
    "/webhooks",
    response=responses(WebhookWithSecret, 409, 422, success=201),
    operation_id="create_webhook",
)
@requires("webhooks:write")
def create_webhook(request: HttpRequest, body: WebhookIn) -> Status[WebhookWithSecret]:
    """Be told of events from now on. The secret that signs messages is shown here only."""
    made = api.create_endpoint(caller_of(request).tenant_id, body.as_new())
    return Status(201, webhook_with_secret(made.info, made.secret))


@router.get(
    "/webhooks/{webhook_id}", response=responses(WebhookOut, 404, 422), operation_id="get_webhook"
)
@requires("webhooks:read")
def get_webhook(request: HttpRequest, webhook_id: str) -> WebhookOut:
    """One webhook, without its secret."""
    return webhook_out(api.get_endpoint(caller_of(request).tenant_id, _webhook(webhook_id)))


@router.patch(
    "/webhooks/{webhook_id}",
    response=responses(WebhookOut, 404, 412, 422, 428),
    operation_id="update_webhook",
)
@requires("webhooks:write")
def update_webhook(request: HttpRequest, webhook_id: str, body: WebhookPatch) -> WebhookOut:
    """Change a webhook. What waits for one that is disabled is dead at once; it can be replayed."""
    tenant_id, id_ = caller_of(request).tenant_id, _webhook(webhook_id)
    check_etag(request, webhook_out(api.get_endpoint(tenant_id, id_)))
    return webhook_out(api.change_endpoint(tenant_id, id_, body.as_change()))


@router.delete(
    "/webhooks/{webhook_id}",
    response=responses(None, 404, 422, success=204),
    operation_id="delete_webhook",
)
@requires("webhooks:write")
def delete_webhook(request: HttpRequest, webhook_id: str) -> Status[None]:
    """Delete a webhook and all its deliveries."""
    api.delete_endpoint(caller_of(request).tenant_id, _webhook(webhook_id))
    return Status(204, None)


@router.post(
    "/webhooks/{webhook_id}/rotate",
    response=responses(WebhookWithSecret, 404, 422),
    operation_id="rotate_webhook_secret",
)
@requires("webhooks:write")
def rotate_webhook_secret(request: HttpRequest, webhook_id: str) -> WebhookWithSecret:
    """A new secret, shown here only. For 24 hours messages carry signatures by both."""
    made = api.rotate_secret(caller_of(request).tenant_id, _webhook(webhook_id))
    return webhook_with_secret(made.info, made.secret)


@router.post(
    "/webhooks/{webhook_id}/test",
    response=responses(DeliveryOut, 404, 409, 422, success=202),
    operation_id="test_webhook",
)
@requires("webhooks:write")
def test_webhook(request: HttpRequest, webhook_id: str) -> Status[DeliveryOut]:
    """Send a message of the type ``webhook.test``."""
    found = api.send_test(caller_of(request).tenant_id, _webhook(webhook_id))
    return Status(202, delivery_out(found))


@router.post(
    "/webhooks/{webhook_id}/replay",
    response=responses(ReplayOut, 404, 409, 422, success=202),
    operation_id="replay_webhook",
)
@requires("webhooks:write")
def replay_webhook(request: HttpRequest, webhook_id: str, body: ReplayIn) -> Status[ReplayOut]:
    """Try all dead deliveries again that were created since a time."""
    count = api.replay_dead(caller_of(request).tenant_id, _webhook(webhook_id), body.since)
    return Status(202, ReplayOut(replayed=count))


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response=responses(DeliveryList, 404, 422),
    operation_id="list_webhook_deliveries",
)
@requires("webhooks:read")
def list_webhook_deliveries(
    request: HttpRequest, webhook_id: str, query: Query[DeliveryQuery]
) -> DeliveryList:
    """What was and is to be sent to a webhook, newest first."""
    page = api.list_deliveries(
        caller_of(request).tenant_id,
        _webhook(webhook_id),
        state=query.state,
        before=query.before_id,
        limit=query.limit,
    )
    cursor = page.next_cursor
    return DeliveryList(
        deliveries=[delivery_out(info) for info in page.deliveries],
        next=None if cursor is None else public_id(Prefix.DELIVERY, cursor),
    )


@router.get(
    "/deliveries/{delivery_id}",
    response=responses(DeliveryOut, 404, 422),
    operation_id="get_delivery",
)
@requires("webhooks:read")
def get_delivery(request: HttpRequest, delivery_id: str) -> DeliveryOut:
    """One delivery with its attempts."""
    id_ = parse_public_id(Prefix.DELIVERY, delivery_id)
    return delivery_out(api.get_delivery(caller_of(request).tenant_id, id_))


@router.post(
    "/deliveries/{delivery_id}/replay",
    response=responses(DeliveryOut, 404, 409, 422, success=202),
    operation_id="replay_delivery",
)
@requires("webhooks:write")
def replay_delivery(request: HttpRequest, delivery_id: str) -> Status[DeliveryOut]:
    """Try a delivery again, whatever became of it; its ``webhook-id`` stays the same."""
    id_ = parse_public_id(Prefix.DELIVERY, delivery_id)
    found = api.replay_delivery(caller_of(request).tenant_id, id_)
    return Status(202, delivery_out(found))
