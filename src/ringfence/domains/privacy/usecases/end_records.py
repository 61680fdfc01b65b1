"""Records end after what the law asks for: the books of who is long gone, and the like."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from uuid import UUID

from ringfence.domains.privacy.contracts import ErasureState
from ringfence.domains.privacy.profiles import profile_of
from ringfence.domains.privacy.queries import is_held
from ringfence.domains.privacy.records import Life, Records, all_records, lives
from ringfence.domains.privacy.usecases.carry_out import carry_out
from ringfence.domains.privacy.usecases.order_erasure import order_records
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys.names import day_number
from ringfence.platform_django.clock import clock
from ringfence.policies.profiles import first_kept

_ACTOR = "job:records"
_log = logging.getLogger("ringfence.jobs")


def end_records() -> int:
    """End what is due, each by an order with a certificate; returns how many of these. While a
    legal hold of a tenant lasts, none of its records ends. One tenant that fails keeps no other
    waiting: the next run goes on with it. Raises django.db.Error."""
    now = clock().now()
    ended = 0
    for life in lives():
        if is_held(life.tenant):
            continue
        try:
            for records, before in _due(life, now.date()):
                last = day_number(now) - (now.date() - before).days - 1
                order = order_records(life.tenant, records.rule, last, actor=_ACTOR)
                done = order.state == ErasureState.CLEANED
                ended += not done and carry_out(order.id).state == ErasureState.CLEANED
        except RingfenceError as error:
            kv = {"tenant": life.tenant.hex, "code": error.code}
            _log.error("records of a tenant did not end", extra={"kv": kv})
    return ended


def _due(life: Life, today: date) -> Iterator[tuple[Records, date]]:
    """With the first day that is kept; what ends last is looked at when the others are done."""
    starts = {
        records.rule: records.start(life.tenant)
        for records in all_records()
        if not (records.of_living if life.ended else records.of_ended)
    }
    if not any(starts.values()):
        return
    kept = profile_of(life.tenant).retention
    for records in sorted(all_records(), key=lambda records: records.last):
        start = starts.pop(records.rule, None)
        first = first_kept(getattr(kept, records.category), today, life.closed)
        alone = not records.last or _nothing_else(life.tenant, records)
        if start is not None and first is not None and start < first and alone:
            yield records, first


def _nothing_else(tenant: UUID, own: Records) -> bool:
    return not any(one.start(tenant) for one in all_records() if not one.last and one is not own)
