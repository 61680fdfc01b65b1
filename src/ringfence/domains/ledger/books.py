"""Writing entries, any number at once, on the connection of whoever does: as the tenant that they
belong to, or as the operator's role for many tenants."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.ledger.contracts import AccountKind, EntryInfo, LowBalance
from ringfence.domains.ledger.rules.wallet import becomes_low
from ringfence.platform_django.clock import new_id

AccountName = tuple[UUID, AccountKind, str]
"""Tenant, kind, currency."""
_ACCOUNTS = """
    SELECT id, tenant_id, kind, currency FROM ledger_account WHERE tenant_id = ANY(%s)
"""
_OPEN = """
    INSERT INTO ledger_account (id, tenant_id, kind, currency, credit_limit_micros)
    SELECT *, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
"""
_WATCHED = """
    SELECT id, low_balance_micros FROM ledger_account
    WHERE id = ANY(%s) AND low_balance_micros IS NOT NULL ORDER BY id FOR NO KEY UPDATE
"""
_ENTRIES = """
    INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key, reference_type,
        reference_id, line_count, explanation)
    SELECT * FROM ROWS FROM (
        unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::smallint[]),
        jsonb_array_elements(%s::jsonb)
    )
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING RETURNING id
"""
_LINES = """
    INSERT INTO ledger_line (entry_id, seq, tenant_id, account_id, amount_micros)
    SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::uuid[], %s::uuid[], %s::bigint[])
"""
_NOTED = """
    SELECT a.id, a.tenant_id, coalesce(c.position, 0), coalesce(c.sum_micros, 0)
    FROM ledger_account a LEFT JOIN ledger_checkpoint c ON c.account_id = a.id
    WHERE a.id = ANY(%s)
"""
_BEHIND = """
    SELECT %s::uuid, %s::bigint + coalesce(sum(amount_micros), 0)::bigint, coalesce((
        SELECT c.sum_micros = %s FROM ledger_checkpoint c WHERE c.account_id = %s
    ), true) FROM ledger_line
    WHERE tenant_id = %s AND account_id = %s AND position > %s
"""
"""The checkpoint is given, not joined: under row-level security an index is not searched by what
COALESCE makes of another table. One read just before is as good while it stays: when lines behind
it were carried forward meanwhile, its sum is another one."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Written:
    """Which entries were new, and the watched wallets that they took below their threshold."""

    new: frozenset[UUID]
    low: tuple[LowBalance, ...]


def account_sums(alias: str, accounts: Collection[UUID]) -> dict[UUID, int]:
    """Micros of all lines of accounts, in the transaction of whoever may see them."""
    with connections[alias].cursor() as cursor:
        while True:
            cursor.execute(_NOTED, [list(accounts)])
            noted = cursor.fetchall()
            if not noted:
                return {}
            values = [
                value
                for id_, owner, position, total in noted
                for value in (id_, total, total, id_, owner, id_, position)
            ]
            cursor.execute(" UNION ALL ".join([_BEHIND] * len(noted)), values)
            found = cursor.fetchall()
            if all(still for _, _, still in found):
                return {id_: total for id_, total, _ in found}


def write_entries(alias: str, entries: Sequence[EntryInfo]) -> Written:
    """Insert the entries whose keys are free, with their lines, in a transaction under way.

    Wallets with a threshold are locked until it ends, so that of all charges, here and elsewhere,
    exactly one crosses.
    """
    ordered = sorted(entries, key=lambda entry: (entry.tenant_id, entry.idempotency_key))
    accounts = _open_accounts(alias, ordered)
    with connections[alias].cursor() as cursor:
        cursor.execute(_WATCHED, [list({id_ for name, id_ in accounts.items() if _wallet(name)})])
        thresholds: dict[UUID, int] = dict(cursor.fetchall())
        sums = account_sums(alias, thresholds) if thresholds else {}
        why = _encode([entry.explanation for entry in ordered]).decode()
        cursor.execute(_ENTRIES, [*_columns(map(_row, ordered), 8), why])
        new = frozenset(row[0] for row in cursor.fetchall())
        written = [entry for entry in ordered if entry.id in new]
        lines = [line for entry in written for line in _lines(entry, accounts)]
        if lines:
            cursor.execute(_LINES, _columns(lines, 5))
    low = tuple(_crossings(written, accounts, thresholds, sums)) if thresholds else ()
    return Written(new, low)


def _wallet(name: AccountName) -> bool:
    return name[1] is AccountKind.WALLET


def _open_accounts(alias: str, entries: Sequence[EntryInfo]) -> dict[AccountName, UUID]:
    names = {
        (entry.tenant_id, line.account, line.amount.currency)
        for entry in entries
        for line in entry.lines
    }
    return open_accounts(alias, names)


def open_accounts(alias: str, names: set[AccountName]) -> dict[AccountName, UUID]:
    """The accounts of these names, made when missing; in a transaction under way."""
    if not names:
        return {}
    found = _accounts(alias, names)
    missing = sorted(names - found.keys())
    if missing:
        with connections[alias].cursor() as cursor:
            rows = ((new_id(), owner, kind.value, currency) for owner, kind, currency in missing)
            cursor.execute(_OPEN, _columns(rows, 4))
        found = _accounts(alias, names)
    return found


def _accounts(alias: str, names: set[AccountName]) -> dict[AccountName, UUID]:
    with connections[alias].cursor() as cursor:
        cursor.execute(_ACCOUNTS, [list({owner for owner, _, _ in names})])
        rows = cursor.fetchall()
    return {
        name: id_
        for id_, owner, kind, currency in rows
        if (name := (owner, AccountKind(kind), currency)) in names
    }


def _row(entry: EntryInfo) -> tuple[Any, ...]:
    return (
        entry.id,
        entry.tenant_id,
        entry.occurred_at,
        entry.kind.value,
        entry.idempotency_key,
        entry.reference.type,
        entry.reference.id,
        len(entry.lines),
    )


def _lines(entry: EntryInfo, accounts: dict[AccountName, UUID]) -> Iterable[tuple[Any, ...]]:
    for seq, line in enumerate(entry.lines):
        account = accounts[entry.tenant_id, line.account, line.amount.currency]
        yield entry.id, seq, entry.tenant_id, account, line.amount.micros


def _crossings(
    written: Sequence[EntryInfo],
    accounts: dict[AccountName, UUID],
    thresholds: dict[UUID, int],
    sums: dict[UUID, int],
) -> Iterable[LowBalance]:
    """What each entry in turn made of the watched wallets."""
    for entry in written:
        for line in entry.lines:
            account = accounts[entry.tenant_id, line.account, line.amount.currency]
            if account not in thresholds:
                continue
            before, threshold = sums[account], thresholds[account]
            after = sums[account] = before + line.amount.micros
            if becomes_low(before, after, threshold):
                yield LowBalance(entry.tenant_id, entry.id, line.amount.currency, after, threshold)


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """An array per column, also of no rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
