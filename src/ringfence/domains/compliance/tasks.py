"""Jobs of compliance."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from ringfence.domains.compliance import api
from ringfence.domains.compliance.contracts import Changed
from ringfence.platform_django.use import using


@app.task(
    name="compliance.tell_change",
    retry=RetryStrategy(max_attempts=17, wait=10, exponential_wait=2),
)
def tell_change(tenant: str, what: str, actor: str, changed_at: str) -> None:
    """Tell a customer of a change; tried again later and later while `keys` is away."""
    with using("service", "job:notice"):
        at = datetime.fromisoformat(changed_at)
        api.tell_change(UUID(tenant), Changed(what), actor, at)
