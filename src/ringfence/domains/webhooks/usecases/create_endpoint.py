"""A tenant names a URL that wants to be told of events."""

from __future__ import annotations

import os
from uuid import UUID

from ringfence.domains.webhooks.contracts import EndpointSecret, NewEndpoint, TooManyWebhooks
from ringfence.domains.webhooks.models import Endpoint
from ringfence.domains.webhooks.queries import endpoint_info
from ringfence.domains.webhooks.reach import check_reach
from ringfence.domains.webhooks.rules.signature import KEY_BYTES, secret_text
from ringfence.domains.webhooks.rules.validation import check_description, check_events
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import tenant

MAX_ENDPOINTS = 50


def create_endpoint(tenant_id: UUID, new: NewEndpoint) -> EndpointSecret:
    """Make an endpoint, which is told of what happens from now on. Its secret is shown here only.

    Raises InvalidWebhook, TooManyWebhooks, Unavailable.
    """
    check_reach(new.url)
    row = Endpoint(
        id=new_id(),
        tenant_id=tenant_id,
        url=new.url,
        description=check_description(new.description),
        events=list(check_events(new.events)),
        created_at=clock().now(),
    )
    secret = secret_text(os.urandom(KEY_BYTES))
    row.secret_sealed = seal_field(row, "secret_sealed", secret)
    with tenant(tenant_id):
        if Endpoint.objects.count() >= MAX_ENDPOINTS:
            raise TooManyWebhooks(f"a tenant may have {MAX_ENDPOINTS} webhooks")
        row.save(force_insert=True)
    return EndpointSecret(endpoint_info(row), secret)
