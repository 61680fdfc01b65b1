"""Periodic jobs of the audit trail. Each only ticks a function that reads the Clock."""

from __future__ import annotations

import logging

from django.conf import settings
from procrastinate.contrib.django import app

from ringfence.platform.storage import open_store
from ringfence.platform_django.audit import exports, retention
from ringfence.platform_django.clock import clock

_log = logging.getLogger("ringfence.jobs")


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="export_audit_heads", name="audit.export_heads")
def export_heads(timestamp: int) -> None:
    """Put the day's heads where the audit trail cannot be rewritten; again until they are there."""
    installation = settings.RINGFENCE
    store = open_store(installation.heads_url, installation.storage)
    if exports.export_heads(store, clock().now()):
        _log.info("audit heads exported")


@app.periodic(cron="20 3 * * *")
@app.task(queueing_lock="drop_expired_audit", name="audit.drop_expired")
def drop_expired(timestamp: int) -> None:
    """Remove records of use that are older than the retention of the audit trail."""
    dropped = retention.drop_expired(clock().now(), settings.RINGFENCE.audit.retention_months)
    if dropped:
        _log.info("expired records of use removed", extra={"kv": {"months": dropped}})
