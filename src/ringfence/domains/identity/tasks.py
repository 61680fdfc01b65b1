"""Jobs of signing in. Each only ticks a use case that reads the Clock."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from ringfence.domains.identity.usecases.forget_sessions import forget_ended

_log = logging.getLogger("ringfence.sign_in")


@app.periodic(cron="33 * * * *")
@app.task(queueing_lock="identity.forget_ended", name="identity.forget_ended")
def forget(timestamp: int) -> None:
    """Ended sessions, what was counted, and unused browsers do not stay."""
    removed = forget_ended()
    if removed:
        _log.info("ended sessions removed", extra={"kv": {"count": removed}})
