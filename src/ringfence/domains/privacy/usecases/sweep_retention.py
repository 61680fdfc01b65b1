"""Days whose retention is over expire, for every tenant that has values of them."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence.domains.privacy.items import items_of_bucket
from ringfence.domains.privacy.queries import (
    first_day,
    last_expired_day,
    tenants_expired,
    tenants_of_day,
)
from ringfence.domains.privacy.usecases.erase import expire
from ringfence.kernel.fields import CONTENT, INSTALLATION, RECOVERY
from ringfence.platform.keys.names import day_number
from ringfence.platform_django.clock import clock

_ACTOR = "job:retention"
_LOOK_BACK = {RECOVERY: 7, CONTENT: 400}
"""Days that a first sweep looks back for what no sealed column tells the oldest day of."""


def sweep_retention(rules: Sequence[tuple[str, str, int]]) -> int:
    """Expire what is due by ``(category, rule, days)``; returns how many days of tenants ended.

    A day is kept for so many whole days after it. Days end in their order, so a sweep that was
    interrupted goes on where it was. Raises Unavailable, django.db.Error.
    """
    today = day_number(clock().now())
    ended = 0
    for category, rule, days in rules:
        for day in _due(category, rule, today - days):
            tenants = tenants_of_day(category, rule, day)
            tenants |= {tenant for tenant, _ in items_of_bucket(None, category, rule, day)}
            if category == RECOVERY:
                tenants.add(INSTALLATION)
            for tenant in sorted(tenants - tenants_expired(category, rule, day)):
                expire(tenant, category, rule, day, actor=_ACTOR)
                ended += 1
    return ended


def _due(category: str, rule: str, end: int) -> range:
    """Days before ``end`` that may not have expired yet; the last that did may be incomplete."""
    begin = last_expired_day(category, rule)
    if begin is None:
        begin = first_day(category, rule)
    if begin is None:
        begin = end - _LOOK_BACK.get(category, 0)
    return range(begin, end)
