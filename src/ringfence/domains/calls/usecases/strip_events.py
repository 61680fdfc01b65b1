"""A clear fact leaves the journal of calls, whoever's it was."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connections

from ringfence.domains.calls.models import Call, CallLeg
from ringfence.kernel.events import EventKind
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

_STRIP = """
    UPDATE calls_journal SET data = data - %s
    WHERE call_id = ANY(%s) AND kind = ANY(%s) AND data ? %s
"""


def calls_of_person(tenant: UUID, person: UUID) -> set[UUID]:
    """Every call of the tenant that the person made, was called by, or has a leg of."""
    calls = Call.objects.using(OPERATOR).filter(tenant_id=tenant)
    legs = CallLeg.objects.using(OPERATOR).filter(tenant_id=tenant, party_id=person)
    return (
        set(calls.filter(caller_id=person).values_list("id", flat=True))
        | set(calls.filter(callee_id=person).values_list("id", flat=True))
        | set(legs.values_list("call_id", flat=True))
    )


def strip_events(calls: Collection[UUID], kinds: Collection[EventKind], key: str) -> int:
    """Remove a key from the data of these calls' events; how many had it."""
    if not calls:
        return 0
    with across_tenants("strip events") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_STRIP, [key, list(calls), [kind.value for kind in kinds], key])
        return int(cursor.rowcount)
