"""Periodic jobs of the platform. Each only ticks a function that reads the Clock."""

from __future__ import annotations

import logging

from procrastinate import JobContext
from procrastinate.contrib.django import app

from ringfence.platform_django import idempotency, partitions
from ringfence.platform_django.clock import clock

_log = logging.getLogger("ringfence.jobs")


@app.periodic(cron="*/30 * * * *")
@app.task(queueing_lock="ensure_partitions", name="platform.ensure_partitions")
def ensure_partitions(timestamp: int) -> None:
    """Keep the monthly partitions of this and the next three months in being."""
    created = partitions.ensure_partitions()
    if created:
        _log.info("partitions created", extra={"kv": {"count": created}})


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="retry_stalled", name="platform.retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Run again what a worker was doing when it was killed."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        await manager.retry_job(job)
        _log.warning("stalled job is retried", extra={"kv": {"task": job.task_name}})


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="idempotency", name="platform.remove_expired_answers")
def remove_expired_answers(timestamp: int) -> None:
    """Answers are kept for repetition for a day, not for ever."""
    removed = idempotency.remove_expired(clock().now())
    if removed:
        _log.info("kept answers removed", extra={"kv": {"count": removed}})
