"""Days whose retention is over expire, for every tenant that has values of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from ringfence.domains.privacy.items import next_item_day
from ringfence.domains.privacy.queries import (
    first_day,
    last_expired_days,
    next_row_day,
)
from ringfence.domains.privacy.retention import choices
from ringfence.domains.privacy.rules.due import due, first_kept
from ringfence.domains.privacy.usecases.erase import expire
from ringfence.kernel.fields import CONTENT, INSTALLATION, RECOVERY
from ringfence.platform.keys.names import day_number
from ringfence.platform_django.clock import clock

_ACTOR = "job:retention"
_LOOK_BACK = {RECOVERY: 7, CONTENT: 400}
"""Days that a first sweep looks back for what no sealed column tells the oldest day of."""


def sweep_retention(rules: Sequence[tuple[str, str, int]]) -> int:
    """Expire what is due by ``(category, rule, days)``, or by the days that a tenant chose in place
    of these; returns how many days of tenants ended.

    A day is kept for so many whole days after it. A tenant's days end in their order, so a sweep
    that was interrupted goes on where it was. Raises Unavailable, django.db.Error.
    """
    today = day_number(clock().now())
    chosen = choices()
    ended = 0
    for category, rule, days in rules:
        last = last_expired_days(category, rule)
        ends = {
            tenant: first_kept(today, days, choice.get(rule)) for tenant, choice in chosen.items()
        }
        for tenant, day in due(ends, ends, last, partial(_next_day, category, rule)):
            expire(tenant, category, rule, day, actor=_ACTOR)
            ended += 1
        for day in _of_nobody(category, rule, last.get(INSTALLATION), today - days):
            expire(INSTALLATION, category, rule, day, actor=_ACTOR)
            ended += 1
    return ended


def _next_day(category: str, rule: str, tenant: UUID, first: int, end: int) -> int | None:
    found = (
        next_row_day(category, rule, tenant, first, end),
        next_item_day(tenant, category, rule, first, end),
    )
    return min((day for day in found if day is not None), default=None)


def _of_nobody(category: str, rule: str, last: int | None, end: int) -> list[int]:
    """Days of the installation's own values: calls that no tenant was found for, nodes."""
    begin = first_day(category, rule) if last is None else last + 1
    if begin is None:
        begin = end - _LOOK_BACK.get(category, 0)
    if category == RECOVERY:
        return list(range(begin, end))
    found = []
    while (day := next_row_day(category, rule, None, begin, end)) is not None:
        found.append(day)
        begin = day + 1
    return found
