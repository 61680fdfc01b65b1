"""Jobs of privacy: erasures that were ordered, days that end, keys that nobody uses."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from ringfence.domains.privacy import api
from ringfence.domains.privacy.queries import erasures_since, unfinished_erasures
from ringfence.domains.privacy.rights_queries import (
    deletions_carried_out,
    requests_to_answer,
    urgent_requests,
)
from ringfence.kernel.errors import RingfenceError
from ringfence.platform_django.clock import clock

_LATE = timedelta(days=3)
"""How long after an erasure events of the person may still arrive."""
_log = logging.getLogger("ringfence.privacy")


@app.task(name="privacy.carry_out", retry=RetryStrategy(max_attempts=10, exponential_wait=2))
def carry_out(erasure: str) -> None:
    """Carry out one erasure."""
    done = api.carry_out(UUID(erasure))
    _log.info(
        "erasure carried out",
        extra={"kv": {"erasure": erasure, "state": done.state, "rows": done.rows}},
    )
    _complete_deletions()


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="privacy.resume", name="privacy.resume")
def resume(timestamp: int) -> None:
    """Finish what was interrupted."""
    for erasure in unfinished_erasures():
        try:
            api.carry_out(erasure)
        except RingfenceError as error:
            kv = {"erasure": erasure.hex, "code": error.code}
            _log.error("erasure not carried out", extra={"kv": kv})


@app.periodic(cron="17 2 * * *")
@app.task(queueing_lock="privacy.sweep_late", name="privacy.sweep_late")
def sweep_late(timestamp: int) -> None:
    """Repeat the erasures of the last days for what came after them."""
    for erasure in erasures_since(clock().now() - _LATE):
        found = api.sweep_again(erasure)
        if found:
            _log.info("late values erased", extra={"kv": {"erasure": erasure.hex, "count": found}})


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="privacy.retention", name="privacy.retention")
def retention(timestamp: int) -> None:
    """Expire the days that are over."""
    ended = api.sweep_retention(settings.RINGFENCE.retention.rules())
    if ended:
        _log.info("days expired", extra={"kv": {"count": ended}})


@app.periodic(cron="57 3 * * *")
@app.task(queueing_lock="privacy.records", name="privacy.records")
def records(timestamp: int) -> None:
    """End the records whose time, and the law's, is over."""
    ended = api.end_records()
    if ended:
        _log.info("records ended", extra={"kv": {"count": ended}})


@app.periodic(cron="37 3,9,15,21 * * *")
@app.task(queueing_lock="privacy.orphans", name="privacy.orphans")
def orphans(timestamp: int) -> None:
    """Destroy keys whose rows never came, and those of values that were kept for hours."""
    confirmed, destroyed = api.collect_orphans()
    if confirmed or destroyed:
        kv = {"confirmed": confirmed, "destroyed": destroyed}
        _log.info("orphan keys collected", extra={"kv": kv})


@app.task(name="privacy.build_package", retry=RetryStrategy(max_attempts=5, exponential_wait=3))
def build_package(request: str) -> None:
    """Answer one rights request."""
    done = api.answer_request(UUID(request))
    kv = {"request": request, "kind": done.kind, "state": done.state, "bytes": done.package_bytes}
    _log.info("rights request answered", extra={"kv": kv})


@app.task(name="privacy.settle_use", retry=RetryStrategy(max_attempts=10, exponential_wait=2))
def settle_use(tenant: str, request: str, person: str) -> None:
    """What is held of who is no child is used again."""
    api.settle_use(UUID(tenant), UUID(person), request=UUID(request), actor="job:rights")


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="privacy.rights", name="privacy.rights")
def rights(timestamp: int) -> None:
    """Go on with rights requests that were interrupted."""
    _complete_deletions()
    for request in requests_to_answer():
        try:
            api.answer_request(request)
        except (RingfenceError, OSError) as error:
            kv = {"request": request.hex, "code": getattr(error, "code", type(error).__name__)}
            _log.error("rights request not answered", extra={"kv": kv})


@app.periodic(cron="27 6 * * *")
@app.task(queueing_lock="privacy.deadlines", name="privacy.deadlines")
def deadlines(timestamp: int) -> None:
    """Tell each day which requests must be answered soon, or should have been."""
    for request, how in urgent_requests():
        _log.warning(
            "rights request is urgent", extra={"kv": {"request": request.hex, "urgency": how}}
        )


def _complete_deletions() -> None:
    for request in deletions_carried_out():
        api.complete_deletion(request)
