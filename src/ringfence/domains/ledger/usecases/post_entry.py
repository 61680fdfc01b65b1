"""An entry is posted to the books, once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryInfo,
    IdempotencyConflict,
    NewEntry,
    Posted,
)
from ringfence.domains.ledger.models import Account, Entry, Line
from ringfence.domains.ledger.queries import entry_infos
from ringfence.domains.ledger.rules.posting import check_entry
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant

_INSERT = """
    INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key, reference_type,
        reference_id, explanation, line_count)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
"""
AccountName = tuple[AccountKind, str]


def post_entry(tenant_id: UUID, new: NewEntry) -> Posted:
    """Post an entry, or find it posted under its key before: also by somebody else just now.

    Raises InvalidEntry, and IdempotencyConflict when the key stands for another entry.
    """
    check_entry(new)
    with tenant(tenant_id):
        entry_id, occurred_at = new_id(), new.occurred_at or clock().now()
        if not _insert(tenant_id, entry_id, occurred_at, new):
            return Posted(_same(tenant_id, new), new=False)
        names = {(line.account, line.amount.currency) for line in new.lines}
        accounts = open_accounts(tenant_id, names)
        Line.objects.bulk_create(
            Line(
                entry_id=entry_id,
                seq=seq,
                tenant_id=tenant_id,
                account_id=accounts[line.account, line.amount.currency].id,
                amount_micros=line.amount.micros,
            )
            for seq, line in enumerate(new.lines)
        )
        entry = EntryInfo(
            id=entry_id,
            tenant_id=tenant_id,
            occurred_at=occurred_at,
            kind=new.kind,
            idempotency_key=new.idempotency_key,
            reference=new.reference,
            explanation=new.explanation,
            lines=new.lines,
        )
        return Posted(entry, new=True)


def open_accounts(tenant_id: UUID, names: set[AccountName]) -> dict[AccountName, Account]:
    """The accounts of these kinds and currencies, made when missing."""
    found = _accounts(tenant_id, names)
    missing = sorted(names - set(found))
    if missing:
        Account.objects.bulk_create(
            (
                Account(id=new_id(), tenant_id=tenant_id, kind=kind, currency=currency)
                for kind, currency in missing
            ),
            ignore_conflicts=True,
        )
        found = _accounts(tenant_id, names)
    return found


def _accounts(tenant_id: UUID, names: set[AccountName]) -> dict[AccountName, Account]:
    rows = Account.objects.filter(tenant_id=tenant_id, kind__in={kind for kind, _ in names})
    return {name: row for row in rows if (name := (AccountKind(row.kind), row.currency)) in names}


def _insert(tenant_id: UUID, entry_id: UUID, occurred_at: datetime, new: NewEntry) -> bool:
    """Whether the key was free. Waits for a transaction that is posting it."""
    with connections[APP].cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                entry_id,
                tenant_id,
                occurred_at,
                new.kind,
                new.idempotency_key,
                new.reference.type,
                new.reference.id,
                msgspec.json.encode(new.explanation).decode(),
                len(new.lines),
            ],
        )
        return bool(cursor.rowcount)


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
