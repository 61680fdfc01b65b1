"""Balances and lists of the ledger are read by index, as the application's role."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ringfence.domains.accounts import api as accounts
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryFilter,
    EntryKind,
    Explanation,
    Reference,
)
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.tenancy import tenant

ENTRIES, TENANTS = 20_000, 20
_ENTRIES = """
    INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key, reference_type,
        reference_id, explanation, line_count)
    SELECT md5(n::text)::uuid, %(tenants)s::uuid[1 + n %% 20], '2026-11-22 12:00+00',
        CASE WHEN n %% 50 < 20 THEN 'top_up' ELSE 'charge' END, 'fill-' || n, 'call', 'c' || n,
        '{"rule": "test/1"}', 2
    FROM generate_series(1, %(entries)s) AS n
"""
_LINES = """
    INSERT INTO ledger_line (entry_id, seq, tenant_id, account_id, amount_micros)
    SELECT e.id, CASE WHEN a.kind = 'wallet' THEN 0 ELSE 1 END, e.tenant_id, a.id,
        CASE WHEN a.kind = 'wallet' THEN -5 ELSE 5 END
    FROM ledger_entry e JOIN ledger_account a ON a.tenant_id = e.tenant_id
    AND a.kind IN ('wallet', 'revenue') WHERE e.idempotency_key LIKE 'fill-%'
"""


def fill(owner: str, entries: int = ENTRIES) -> UUID:
    """A tenant among others whose books have many entries."""
    tenants = [accounts.create_tenant(f"T{index}").id for index in range(TENANTS)]
    for owned in tenants:
        ledger.charge(
            owned,
            Money(1),
            idempotency_key="first",
            reference=Reference("call", "first"),
            explanation=Explanation("test/1"),
        )
    with psycopg.connect(owner, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("ALTER TABLE ledger_entry DISABLE TRIGGER balanced")
            array = "ARRAY[" + ",".join(f"'{owned}'" for owned in tenants) + "]"
            connection.execute(
                _ENTRIES.replace("%(tenants)s::uuid[", f"({array}::uuid[])[")
                .replace("%(entries)s", str(entries))
                .replace("%%", "%")
            )
            connection.execute(_LINES)
            connection.execute("ALTER TABLE ledger_entry ENABLE TRIGGER balanced")
        connection.execute("VACUUM ANALYZE ledger_entry, ledger_line, ledger_account")
    return tenants[1]


def plans(owned: UUID, work: Callable[[], object]) -> list[str]:
    """The plan of each query by which ``work`` reads the books."""
    with tenant(owned), CaptureQueriesContext(connections["default"]) as seen:
        work()
    found = []
    with tenant(owned), connections["default"].cursor() as cursor:
        for query in seen.captured_queries:
            if query["sql"].lstrip().startswith("SELECT") and "ledger_" in query["sql"]:
                cursor.execute("EXPLAIN " + query["sql"])
                found.append("\n".join(row[0] for row in cursor.fetchall()))
    return found


@pytest.fixture
def books(db: DatabaseUrls) -> UUID:
    return fill(db.owner)


def test_a_balance_is_summed_by_index(books: UUID) -> None:
    *_, plan = plans(books, lambda: ledger.balance(books, AccountKind.WALLET, "USD"))
    assert "Scan using ledger_line_balance" in plan or "Scan on ledger_line_balance" in plan
    assert ledger.balance(books, AccountKind.WALLET, "USD") == Money(-5 * (ENTRIES // TENANTS) - 1)


@pytest.mark.parametrize(
    "where",
    [
        EntryFilter(),
        EntryFilter(kind=EntryKind.CHARGE),
        EntryFilter(reference=Reference("call", "c41")),
    ],
)
def test_lists_read_no_table_from_end_to_end(books: UUID, where: EntryFilter) -> None:
    for before in (None, UUID(int=2**127)):
        read = partial(ledger.list_entries, books, where, before=before)
        of_entries, *of_lines = plans(books, read)
        assert "Seq Scan" not in of_entries
        assert "Sort" not in of_entries
        assert "Seq Scan" not in "".join(of_lines[:1])


def test_behind_a_checkpoint_only_what_came_later_is_read(books: UUID) -> None:
    before = ledger.balance(books, AccountKind.WALLET, "USD")
    assert ledger.checkpoint(lines=1) > 0
    *_, plan = plans(books, lambda: ledger.may_start(books, "USD"))
    (condition,) = (
        line for line in plan.splitlines() if "Index Cond" in line and "position" in line
    )
    assert "tenant_id" in condition and "ledger_line_balance" in plan
    assert "Seq Scan on ledger_line" not in plan
    assert ledger.balance(books, AccountKind.WALLET, "USD") == before
