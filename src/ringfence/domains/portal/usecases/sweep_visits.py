"""What a visit left goes when its time is over."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from ringfence.domains.portal.models import Visit
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

KEPT = timedelta(days=1)
"""Of a visit that asked nothing, as long as codes are counted."""
FOUND_AGAIN = timedelta(days=180)
"""Of one that asked something: how long whoever proves the same number or address finds it again,
also when the person was erased. No answer takes so long."""


def sweep_visits() -> int:
    """Remove visits that are over, and what they were found by; returns how many rows went."""
    now = clock().now()
    with across_tenants("portal") as db:
        rows = Visit.objects.using(db)
        rows.filter(asked_at__lte=now - KEPT).exclude(
            address_hash=None, code_hash=None, contact_sealed=None
        ).update(address_hash=None, code_hash=None, contact_sealed=None)
        gone, _ = rows.filter(
            Q(asked_at__lte=now - KEPT, request_id=None) | Q(asked_at__lte=now - FOUND_AGAIN)
        ).delete()
    return gone
