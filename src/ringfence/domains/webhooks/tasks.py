"""Jobs of webhooks. Each only ticks a use case that reads the Clock."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from ringfence.domains.webhooks import api

_log = logging.getLogger("ringfence.webhooks")


@app.periodic(cron="13 * * * *")
@app.task(queueing_lock="webhooks.purge", name="webhooks.purge")
def purge(timestamp: int) -> None:
    """Deliveries that are long done do not stay."""
    removed = api.purge()
    if removed:
        _log.info("old deliveries removed", extra={"kv": {"count": removed}})
