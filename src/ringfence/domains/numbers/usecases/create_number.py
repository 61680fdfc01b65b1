"""A tenant gets a number, and calls to it a destination."""

from __future__ import annotations

from django.db import IntegrityError
from psycopg.errors import UniqueViolation

from ringfence.domains.accounts import api as accounts
from ringfence.domains.numbers.contracts import (
    DialTarget,
    NewNumber,
    NumberInfo,
    NumberTaken,
    TrunkDial,
)
from ringfence.domains.numbers.models import Number
from ringfence.domains.numbers.queries import number_info
from ringfence.domains.numbers.rules.dialing import checked_targets, e164, refuse, store_targets
from ringfence.domains.trunks import api as trunks
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def create_number(new: NewNumber) -> NumberInfo:
    """Make an active number. Raises InvalidNumber, NumberTaken."""
    number = e164("e164", new.e164)
    dial = checked_targets(new.dial)
    caller_id = None if new.caller_id is None else e164("caller_id", new.caller_id)
    if len(new.label) > 120:
        raise refuse("label", "has at most 120 characters")
    if not 1 <= new.dial_timeout_seconds <= 600:
        raise refuse("dial_timeout_seconds", "lies between 1 and 600")
    if new.max_seconds is not None and not 1 <= new.max_seconds <= 86_400:
        raise refuse("max_seconds", "lies between 1 and 86400")
    if not accounts.tenant_exists(new.tenant_id):
        raise refuse("tenant_id", "no such tenant")
    _check_trunks(new, dial)
    try:
        with tenant(new.tenant_id):
            row = Number.objects.create(
                tenant_id=new.tenant_id,
                e164=number,
                label=new.label,
                dial=store_targets(dial),
                dial_timeout_seconds=new.dial_timeout_seconds,
                caller_id=caller_id,
                max_seconds=new.max_seconds,
                created_at=clock().now(),
            )
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise NumberTaken("the installation has this number already") from None
        raise
    return number_info(row)


def _check_trunks(new: NewNumber, dial: tuple[DialTarget, ...]) -> None:
    used = frozenset(target.trunk_id for target in dial if isinstance(target, TrunkDial))
    if used and trunks.usable_by(new.tenant_id, used) != used:
        raise refuse("dial", "names a trunk that the tenant may not use")
