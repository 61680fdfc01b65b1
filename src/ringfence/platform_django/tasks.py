"""Periodic jobs of the platform. Each only ticks a function that reads the Clock."""

from __future__ import annotations

import logging
from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from ringfence.platform_django import idempotency, partitions
from ringfence.platform_django.clock import clock
from ringfence.platform_django.mail import TASK, remove_unsent, send_queued

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


@app.task(
    name=TASK,
    retry=RetryStrategy(max_attempts=17, wait=10, exponential_wait=2),
)
def send_mail(mail: str) -> None:
    """Send a mail of the outbox; tried again later and later while the server takes none."""
    send_queued(UUID(mail))


@app.periodic(cron="21 * * * *")
@app.task(queueing_lock="outbox", name="platform.remove_unsent_mails")
def remove_unsent_mails(timestamp: int) -> None:
    """What could not be sent for days is of no use to anybody."""
    removed = remove_unsent()
    if removed:
        _log.warning("mails could not be sent", extra={"kv": {"count": removed}})
