"""Jobs of the portal: calls that tell codes, and what visits leave."""

from __future__ import annotations

import logging
from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from ringfence.domains.portal import api

_log = logging.getLogger("ringfence.portal")


@app.task(name="portal.send_code", retry=RetryStrategy(max_attempts=20, wait=20))
def send_code(visit: str) -> None:
    """Send one code, by telephone or by mail, as long as it is waited for."""
    sent = api.send_code(UUID(visit))
    _log.info("portal code", extra={"kv": {"visit": visit, "sent": sent}})


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="portal.sweep", name="portal.sweep")
def sweep(timestamp: int) -> None:
    """Remove what visits left."""
    gone = api.sweep_visits()
    if gone:
        _log.info("visits removed", extra={"kv": {"count": gone}})


@app.periodic(cron="37 * * * *")
@app.task(queueing_lock="portal.tell", name="portal.tell")
def tell(timestamp: int) -> None:
    """Tell whoever answers that the time for a request ends."""
    told = api.tell_officers()
    if told:
        _log.warning("rights requests are urgent", extra={"kv": {"told": told}})
