"""A destruction that is done gets its certificate."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from ringfence.domains.privacy.models import ErasureOrder
from ringfence.domains.privacy.rules.certificate import Destroyed, statement
from ringfence.domains.privacy.usecases.order_erasure import destruction_of
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.names import day_date
from ringfence.platform.signing import signed


def certificate(row: ErasureOrder) -> dict[str, Any]:
    """Signed by the installation; of a row in state ``cleaned``. Raises OSError."""
    destruction = destruction_of(row)
    assert row.cleaned_at is not None
    said = statement(
        Destroyed(
            id=public_id(Prefix.ERASURE, row.id),
            tenant=public_id(Prefix.TENANT, row.tenant_id),
            kind=row.kind,
            reason=row.reason,
            actor=row.actor,
            category=row.category,
            rule=row.rule,
            day=None if row.day is None else day_date(row.day),
            ordered_at=row.ordered_at,
            destroyed_at=row.destroyed_at,
            cleaned_at=row.cleaned_at,
            persons=[erased.person for erased in destruction.persons],
            kept=sorted({kept for erased in destruction.persons for kept in erased.keep}),
            items=destruction.items,
            rows=row.rows_cleared,
            escrowed=row.escrowed,
        )
    )
    return signed(settings.RINGFENCE.data_dir, said)
