"""An examination is asked for from a page or by the clock; the worker runs it.

Here is what is known of it meanwhile, one row for each profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import connections
from procrastinate.contrib.django import app

from ringfence.domains.policy.contracts import NothingExamined, OrderInfo
from ringfence.domains.policy.models import Order
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

LOST_AFTER = timedelta(minutes=30)
"""One that no worker began for so long was lost. Of one that began, its lock tells at once."""
_LOST = "it was lost with its worker"
_HOLD = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
_IS_FREE = "SELECT pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0))"


def order_examination(profile: str, *, actor: str) -> OrderInfo:
    """Have the worker examine the installation. While an examination is open, that one is meant."""
    now = clock().now()
    with across_tenants("order examination") as db:
        run = new_id()
        row, made = Order.objects.using(db).get_or_create(
            profile=profile, defaults={"run": run, "actor": actor, "ordered_at": now}
        )
        if not made:
            row = Order.objects.using(db).select_for_update().get(profile=profile)
            if row.ended_at is None and not _is_lost(db, row):
                return _info(row)
            row.run, row.actor, row.ordered_at = run, actor, now
            row.begun_at, row.step, row.ended_at, row.failed = None, "", None, ""
            row.save(using=db)
    app.configure_task("promises.examine").defer(profile=profile, run=run.hex)
    return _info(row)


@contextmanager
def running_examination(run: UUID) -> Iterator[bool]:
    """Whether it is still to be done: not, when it is over or another took its place. While the
    context lasts, and this process lives, everybody can tell that it is running: a connection of
    its own holds a lock, which the database lets go of with the connection."""
    own = connections[OPERATOR].copy()
    own.inc_thread_sharing()
    try:
        with own.cursor() as cursor:
            cursor.execute(_HOLD, [_name(run)])
        with across_tenants("order examination") as db:
            open_ = Order.objects.using(db).filter(run=run, ended_at=None)
            begun = open_.update(begun_at=clock().now())
        yield begun == 1
    finally:
        own.close()


def examination_step(run: UUID, step: str) -> None:
    """Say what it is at. Nothing happens when it is not the last one of its profile."""
    with across_tenants("order examination") as db:
        Order.objects.using(db).filter(run=run, ended_at=None).update(step=step[:80])


def end_examination(run: UUID, failed: str = "") -> None:
    """It is over. ``failed``: why there is no report."""
    with across_tenants("order examination") as db:
        open_ = Order.objects.using(db).filter(run=run, ended_at=None)
        open_.update(ended_at=clock().now(), failed=failed[:200])


def get_order(profile: str) -> OrderInfo:
    """The last one of a profile. Raises NothingExamined."""
    found = last_order(profile)
    if found is None:
        raise NothingExamined("no examination was asked for under this profile")
    return found


def last_order(profile: str) -> OrderInfo | None:
    """The last one of a profile; one that was lost has ended, and says so."""
    with across_tenants("read policy") as db:
        row = Order.objects.using(db).filter(profile=profile).first()
        if row is not None and row.ended_at is None and _is_lost(db, row):
            row.ended_at, row.failed = clock().now(), _LOST
    return None if row is None else _info(row)


def _is_lost(db: str, row: Order) -> bool:
    """Of one that is open. Its row is read again once nobody holds the lock: until this transaction
    ends nobody can begin, so whatever began and did not end has nobody who would end it."""
    if row.begun_at is not None:
        with connections[db].cursor() as cursor:
            cursor.execute(_IS_FREE, [_name(row.run)])
            ((free,),) = cursor.fetchall()
        run = row.run
        row.refresh_from_db(using=db)
        return bool(free) and row.run == run and row.ended_at is None
    return clock().now() - row.ordered_at >= LOST_AFTER


def _name(run: UUID) -> str:
    return f"examination:{run.hex}"


def _info(row: Order) -> OrderInfo:
    ended_at, failed = row.ended_at, row.failed
    return OrderInfo(row.profile, row.run, row.ordered_at, row.step, ended_at, failed)
