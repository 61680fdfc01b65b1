"""Jobs of consent."""

from __future__ import annotations

from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from ringfence.domains.consent import api
from ringfence.domains.consent.usecases.settle import STOP_TASK
from ringfence.kernel.errors import Unavailable


@app.task(name=STOP_TASK, retry=RetryStrategy(max_attempts=60, wait=2))
def stop_recordings(tenant: str, person: str) -> None:
    """Calls of a person who refused to be recorded, whose events came late, or whose call plane
    was away. Raises Unavailable while it is: the job is tried again."""
    if api.stop_now(UUID(hex=tenant), UUID(hex=person)):
        raise Unavailable("a call could not be told that it is not to be recorded")
