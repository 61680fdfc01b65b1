"""A tenant gets a number, and calls to it a destination."""

from __future__ import annotations

from django.db import IntegrityError
from psycopg.errors import UniqueViolation

from ringfence.domains.accounts import api as accounts
from ringfence.domains.numbers.checks import checked_number
from ringfence.domains.numbers.contracts import (
    NewNumber,
    NumberInfo,
    NumberTaken,
    TooManyNumbers,
)
from ringfence.domains.numbers.models import Number
from ringfence.domains.numbers.queries import number_info
from ringfence.domains.numbers.rules.dialing import refuse, store_targets
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant

MAX_NUMBERS = 100_000
"""Active ones of a tenant."""


def create_number(new: NewNumber) -> NumberInfo:
    """Make an active number. Raises InvalidNumber, FlowNotPublished, NumberTaken,
    TooManyNumbers."""
    if not accounts.tenant_exists(new.tenant_id):
        raise refuse("tenant_id", "no such tenant")
    try:
        with tenant(new.tenant_id):
            active = Number.objects.filter(tenant_id=new.tenant_id, status="active")
            if active.count() >= MAX_NUMBERS:
                raise TooManyNumbers("no more numbers", details={"limit": MAX_NUMBERS})
            new = checked_number(new)
            row = Number.objects.create(
                tenant_id=new.tenant_id,
                e164=new.e164,
                label=new.label,
                dial=store_targets(new.dial),
                flow_id=new.flow_id,
                dial_timeout_seconds=new.dial_timeout_seconds,
                caller_id=new.caller_id,
                max_seconds=new.max_seconds,
                created_at=clock().now(),
            )
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise NumberTaken("the installation has this number already") from None
        raise
    return number_info(row)
