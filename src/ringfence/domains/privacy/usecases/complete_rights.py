"""A rights request is done: its receipt is signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from ringfence.domains.privacy.contracts import ErasureState, RightsInfo
from ringfence.domains.privacy.models import ErasureOrder, RightsRequest
from ringfence.domains.privacy.rights_queries import rights_info
from ringfence.domains.privacy.rights_vocabulary import RightsState
from ringfence.domains.privacy.rules.receipt import receipt
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.signing import signed
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import OPERATOR, across_tenants


def complete(
    request_id: UUID, result: Mapping[str, Any], *, package_bytes: int | None = None
) -> RightsInfo:
    """A running request becomes done, once. ``result``: plain JSON without floats.

    Raises OSError, django.db.Error.
    """
    with across_tenants("rights") as db:
        rows = RightsRequest.objects.using(db).select_for_update()
        row = rows.get(id=request_id)
        if row.state == RightsState.RUNNING:
            row.state, row.completed_at = RightsState.DONE, clock().now()
            row.package_bytes = package_bytes
            said = receipt(rights_info(row), result)
            row.receipt = signed(settings.RINGFENCE.data_dir, said)
            row.save(using=db)
    return rights_info(row)


def complete_deletion(request_id: UUID) -> RightsInfo:
    """A running deletion whose erasure is cleaned is done; one whose erasure is not stays."""
    row = RightsRequest.objects.using(OPERATOR).get(id=request_id)
    assert row.erasure_id is not None
    erasure = ErasureOrder.objects.using(OPERATOR).filter(id=row.erasure_id).first()
    if erasure is None or erasure.state != ErasureState.CLEANED:
        return rights_info(row)
    assert erasure.destroyed_at is not None
    return complete(
        row.id,
        {
            "erasure": public_id(Prefix.ERASURE, erasure.id),
            "keys_destroyed_at": erasure.destroyed_at.isoformat(),
            "items": len(erasure.destruction["items"]),
            "rows_cleared": erasure.rows_cleared,
            "keys_held": erasure.escrowed,
        },
    )
