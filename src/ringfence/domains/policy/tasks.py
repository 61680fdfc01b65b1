"""Jobs of the published policy: people are told of a version before it holds."""

from __future__ import annotations

import logging

from django.conf import settings
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from ringfence.domains.policy import api

_log = logging.getLogger("ringfence.policy")


@app.task(name="policy.tell", retry=RetryStrategy(max_attempts=20, exponential_wait=2))
def tell(number: int) -> None:
    """Mail everybody that a version was published."""
    version = next(one for one in api.list_versions() if one.number == number)
    count = len(version.changes)
    text = (
        f"A new version of our privacy policy was published on {version.published_at:%Y-%m-%d}.\n"
        f"It holds from {version.effective_at:%Y-%m-%d}. It changes {count} things; the page says"
        f" which:\n\n{settings.RINGFENCE.public_url}/policy/versions/{number}/\n"
    )
    if version.needs_consent:
        text += "\nIt reduces rights: what holds for you now goes on until you accept it.\n"
    _log.info("policy told", extra={"kv": {"version": number, "count": api.tell(number, text)}})


@app.periodic(cron="41 * * * *")
@app.task(queueing_lock="policy.warn_of_ends", name="policy.warn_of_ends")
def warn_of_ends(timestamp: int) -> None:
    """Who is told of the end of their tenant's data is told long enough before."""
    warned = api.warn_of_ends()
    if warned:
        _log.info("people of closed tenants told of its end", extra={"kv": {"count": warned}})
