"""An examination is asked for from a page or by the clock; the worker runs it.

Here is what is known of it meanwhile, one row for each profile.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.policy.contracts import NothingExamined, OrderInfo
from ringfence.domains.policy.models import Order
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import across_tenants

LOST_AFTER = timedelta(minutes=30)
"""An examination takes a minute or two: one that is open for longer was lost with its worker."""


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
            if row.ended_at is None and now - row.ordered_at < LOST_AFTER:
                return _info(row)
            row.run, row.actor, row.ordered_at = run, actor, now
            row.step, row.ended_at, row.failed = "", None, ""
            row.save(using=db)
    app.configure_task("promises.examine").defer(profile=profile, run=run.hex)
    return _info(row)


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
    return None if row is None else _info(row)


def _info(row: Order) -> OrderInfo:
    ended_at, failed = row.ended_at, row.failed
    if ended_at is None and clock().now() - row.ordered_at >= LOST_AFTER:
        ended_at, failed = row.ordered_at + LOST_AFTER, "it was lost with its worker"
    return OrderInfo(row.profile, row.run, row.ordered_at, row.step, ended_at, failed)
