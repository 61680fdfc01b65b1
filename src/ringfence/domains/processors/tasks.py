"""Periodic jobs of the ledger. Each only ticks a function that reads the Clock."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from ringfence.domains.processors import api

_log = logging.getLogger("ringfence.jobs")


@app.periodic(cron="50 3 * * *")
@app.task(queueing_lock="processors.drop_expired", name="processors.drop_expired")
def drop_expired(timestamp: int) -> None:
    """The record of what left ends after ``egress.ledger_months``."""
    dropped = api.drop_expired()
    if dropped:
        _log.info("old months of the egress ledger removed", extra={"kv": {"months": dropped}})
