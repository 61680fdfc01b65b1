"""Periodic jobs of accounts. Each only ticks a use case that reads the Clock."""

from __future__ import annotations

import logging

from django.conf import settings
from procrastinate.contrib.django import app

from ringfence.domains.accounts import api

_log = logging.getLogger("ringfence.jobs")


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="accounts.remove_ended_tokens", name="accounts.remove_ended_tokens")
def remove_ended_tokens(timestamp: int) -> None:
    """Access tokens that are over do not stay."""
    removed = api.remove_ended_tokens()
    if removed:
        _log.info("ended access tokens removed", extra={"kv": {"count": removed}})


@app.periodic(cron="37 3 * * *")
@app.task(queueing_lock="accounts.remove_old_requests", name="accounts.remove_old_requests")
def remove_old_requests(timestamp: int) -> None:
    """The request log ends after ``web.request_log_days``."""
    removed = api.remove_old_requests(settings.RINGFENCE.web.request_log_days)
    if removed:
        _log.info("old requests removed from the log", extra={"kv": {"count": removed}})


@app.periodic(cron="47 * * * *")
@app.task(queueing_lock="accounts.end_closed_tenants", name="accounts.end_closed_tenants")
def end_closed_tenants(timestamp: int) -> None:
    """The data of tenants that can come back no more ends."""
    ended = api.end_closed_tenants()
    if ended:
        _log.info("closed tenants ended", extra={"kv": {"count": ended}})
