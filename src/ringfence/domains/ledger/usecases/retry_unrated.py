"""The error queue is worked off: rated again, or written off with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ringfence.domains.calls.api import usage_of
from ringfence.domains.ledger.contracts import (
    DeckKind,
    Settled,
    UnratedClosed,
    UnratedInfo,
    UnratedNotFound,
    UnratedState,
)
from ringfence.domains.ledger.models import UnratedUsage
from ringfence.domains.ledger.rules.posting import refuse
from ringfence.domains.ledger.unrated_queries import unrated_info
from ringfence.domains.ledger.usecases.rate_calls import PURPOSE
from ringfence.domains.ledger.usecases.rate_usage import rate_usage
from ringfence.domains.ledger.usecases.tell_low_balance import tell_low_balance
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant
from ringfence.platform_django.use import current_actor, using

_BATCH = 500


def retry_unrated(tenant_id: UUID, item: UUID) -> UnratedInfo:
    """Rate one item by the decks of now; what became of it. Its call is opened for ``billing``.

    Raises UnratedNotFound, UnratedClosed, Unavailable.
    """
    with tenant(tenant_id):
        row = _open_row(item)
        _rate(tenant_id, [row])
        row.refresh_from_db()
        return unrated_info(row)


def retry_all(tenant_id: UUID) -> Settled:
    """Rate every open item of a tenant by the decks of now. Raises Unavailable."""
    posted = unrated = 0
    after = UUID(int=0)
    while True:
        with tenant(tenant_id):
            rows = list(
                UnratedUsage.objects.filter(state=UnratedState.OPEN, id__gt=after).order_by("id")[
                    :_BATCH
                ]
            )
            settled = _rate(tenant_id, rows)
        posted, unrated = posted + settled.posted, unrated + settled.unrated
        if len(rows) < _BATCH:
            return Settled(posted=posted, unrated=unrated)
        after = rows[-1].id


def write_off(tenant_id: UUID, item: UUID, note: str) -> UnratedInfo:
    """Give an item up, for a reason, which must not name a person. It is never rated after that.

    Raises UnratedNotFound, UnratedClosed, InvalidEntry.
    """
    note = note.strip()
    if not 1 <= len(note) <= 200:
        raise refuse("reason", "has 1 to 200 characters")
    with tenant(tenant_id):
        row = _open_row(item)
        row.state, row.note, row.last_seen_at = UnratedState.WRITTEN_OFF, note, clock().now()
        row.save(update_fields=["state", "note", "last_seen_at"])
        return unrated_info(row)


def _open_row(item: UUID) -> UnratedUsage:
    """Locked until the transaction ends."""
    row = UnratedUsage.objects.select_for_update(no_key=True).filter(id=item).first()
    if row is None:
        raise UnratedNotFound("no such unrated usage")
    if row.state != UnratedState.OPEN:
        raise UnratedClosed("it is no longer open", details={"state": row.state})
    return row


def _rate(tenant_id: UUID, rows: Sequence[UnratedUsage]) -> Settled:
    """The other legs of their calls tell only whether it was an emergency."""
    if not rows:
        return Settled()
    with using(PURPOSE, current_actor()):
        usage = usage_of({row.call_id for row in rows})
    ours = [leg for leg in usage if leg.tenant_id == tenant_id]
    items = {(row.leg_id, DeckKind(row.kind)) for row in rows}
    return rate_usage(APP, ours, tell_low_balance, only=items)
