"""A tenant gets a new secret, while receivers still know the old one."""

from __future__ import annotations

import os
from datetime import timedelta
from uuid import UUID

from ringfence.domains.webhooks.contracts import EndpointSecret
from ringfence.domains.webhooks.queries import access_endpoint, endpoint_info
from ringfence.domains.webhooks.rules.signature import KEY_BYTES, secret_text
from ringfence.kernel.errors import Unavailable
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import open_fields, seal_field
from ringfence.platform_django.tenancy import tenant
from ringfence.platform_django.use import current_actor, using

OVERLAP = timedelta(hours=24)


def rotate_secret(tenant_id: UUID, endpoint_id: UUID) -> EndpointSecret:
    """A new secret, shown here only. For 24 hours messages are signed with the one before it too.

    Raises WebhookNotFound, Unavailable.
    """
    secret = secret_text(os.urandom(KEY_BYTES))
    with tenant(tenant_id):
        row = access_endpoint(endpoint_id, change=True)
        with using("service", current_actor()):
            (opened,) = open_fields([row], "secret_sealed")
        before = opened["secret_sealed"]
        if before.error is not None or before.value is None:
            raise Unavailable("the present secret cannot be read now")
        present = before.value.partition(" ")[0]
        row.secret_sealed = seal_field(row, "secret_sealed", f"{secret} {present}")
        row.rotating_until = clock().now() + OVERLAP
        row.save(update_fields=["secret_sealed", "rotating_until"])
    return EndpointSecret(endpoint_info(row), secret)
