"""The journal is followed: every call that ended is rated, once."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connections

from ringfence.domains.calls.api import ended_calls, usage_of
from ringfence.domains.ledger.contracts import Settled
from ringfence.domains.ledger.usecases.rate_usage import rate_usage
from ringfence.domains.ledger.usecases.tell_low_balance import tell_low_balances
from ringfence.platform_django.tenancy import OPERATOR, across_tenants
from ringfence.platform_django.use import using

PURPOSE, ACTOR = "billing", "job:rating"
_NAME = "rating"
_POSITION = "SELECT position FROM ledger_cursor WHERE name = %s"
_BEGIN = "INSERT INTO ledger_cursor (name, position) VALUES (%s, 0) ON CONFLICT DO NOTHING"
_ADVANCE = "UPDATE ledger_cursor SET position = %s WHERE name = %s AND position = %s"


def rated_position() -> int:
    """Up to where the journal is rated; 0 at first."""
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute(_POSITION, [_NAME])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def rate_next(events: int) -> bool:
    """Rate the calls that ended among the next ``events`` events; whether there were any.

    What was rated and how far the journal was read become durable together, so it does not matter
    when this process dies, nor that another does the same. Raises django.db.Error, and Unavailable
    while `keys` is away: then nothing happened, and it is to be done again.
    """
    before = rated_position()
    calls, after = ended_calls(before, events)
    if after == before:
        return False
    with using(PURPOSE, ACTOR):
        usage = usage_of(calls) if calls else ()
    with across_tenants("rating") as alias:
        with connections[alias].cursor() as cursor:
            if before == 0:
                cursor.execute(_BEGIN, [_NAME])
            cursor.execute(_ADVANCE, [after, _NAME, before])
            if cursor.rowcount == 0:
                return True  # another process was faster
        rate_usage(alias, usage, tell_low_balances)
    return True


def rate_calls(calls: Collection[UUID]) -> Settled:
    """Rate calls whatever was done before: what has an entry, or was written off, stays as it is.

    Raises django.db.Error, Unavailable.
    """
    with using(PURPOSE, ACTOR):
        usage = usage_of(calls)
    with across_tenants("rating") as alias:
        return rate_usage(alias, usage, tell_low_balances)
