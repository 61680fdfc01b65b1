"""An entry is posted to the books, once."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.ledger.books import write_entries
from ringfence.domains.ledger.contracts import EntryInfo, IdempotencyConflict, NewEntry, Posted
from ringfence.domains.ledger.models import Entry
from ringfence.domains.ledger.queries import entry_infos
from ringfence.domains.ledger.rules.posting import check_entry
from ringfence.domains.ledger.usecases.tell_low_balance import tell_low_balance
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant


def post_entry(tenant_id: UUID, new: NewEntry) -> Posted:
    """Post an entry, or find it posted under its key before: also by somebody else just now.

    ``low_balance`` of the result is set by the one entry that takes a watched wallet below its
    threshold; the tenant is told of it. Raises InvalidEntry, and IdempotencyConflict when the key
    stands for another entry.
    """
    check_entry(new)
    with tenant(tenant_id):
        entry = EntryInfo(
            id=new_id(),
            tenant_id=tenant_id,
            occurred_at=new.occurred_at or clock().now(),
            kind=new.kind,
            idempotency_key=new.idempotency_key,
            reference=new.reference,
            explanation=new.explanation,
            lines=new.lines,
        )
        written = write_entries(APP, [entry])
        if not written.new:
            return Posted(_same(tenant_id, new), new=False)
        tell_low_balance(written.low)
        return Posted(entry, new=True, low_balance=next(iter(written.low), None))


def _same(tenant_id: UUID, new: NewEntry) -> EntryInfo:
    rows = Entry.objects.filter(tenant_id=tenant_id, idempotency_key=new.idempotency_key)
    (first,) = entry_infos([rows.get()])
    if (first.kind, first.lines, first.reference, first.explanation) != (
        new.kind,
        new.lines,
        new.reference,
        new.explanation,
    ):
        raise IdempotencyConflict("the idempotency key stands for another entry")
    return first
