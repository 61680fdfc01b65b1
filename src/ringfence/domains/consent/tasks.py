"""Jobs of consent."""

from __future__ import annotations

from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.consent import api
from ringfence.domains.consent.usecases.settle import STOP_TASK


@app.task(name=STOP_TASK)
def stop_recordings(tenant: str, person: str) -> None:
    """Calls of a person who refused to be recorded, whose events came late."""
    api.stop_now(UUID(hex=tenant), UUID(hex=person))
