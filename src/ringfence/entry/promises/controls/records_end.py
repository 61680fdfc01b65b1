"""The books and the name of a tenant that ended stay for the law's seven years, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from uuid import uuid4

from psycopg import sql

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.controls.expired_gone import is_signed
from ringfence.entry.promises.controls.periods_as_promised import longest
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import SystemClock

_BOOKS, _NAME = ("CMX-07.0-04",), ("SIP-08.1-05",)
_GRACE = 2
"""Days: the sweep is daily, and years are of 365 or 366 days."""
_TABLES = ("ledger_account", "ledger_entry", "ledger_line", "ledger_rate_deck", "ledger_unrated")
_OVER = """
    SELECT t.id FROM accounts_tenant t WHERE t.ended_at IS NOT NULL
    AND t.closed_at < now() - make_interval(days => %s) AND {} AND NOT EXISTS
        (SELECT 1 FROM privacy_hold h WHERE h.tenant_id = t.id AND h.released_at IS NULL)
"""
_NAMELESS = """
    SELECT t.id, t.closed_at::date, EXISTS (SELECT 1 FROM privacy_erasure e WHERE
        e.tenant_id = t.id AND e.kind = 'records' AND e.rule = 'account' AND e.state = 'cleaned')
    FROM accounts_tenant t WHERE t.ended_at IS NOT NULL AND t.name = ''
"""
_ENDED = """
    SELECT id, tenant_id, rule, day, cleaned_at::date, rows_cleared, certificate
    FROM privacy_erasure WHERE kind = 'records' AND state = 'cleaned'
"""
_LAW = {"ledger": "ledger", "account": "tax_record", "acceptances": "tax_record"}
"""By rule: the category of the profile that has the law's time."""


def _population(site: Site) -> int:
    count = "SELECT count(*) FROM accounts_tenant WHERE ended_at IS NOT NULL"
    row = site.database.execute(count).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> Iterator[Finding]:
    kept = site.profile.retention
    for table in _TABLES:
        where = sql.SQL("EXISTS (SELECT 1 FROM {} r WHERE r.tenant_id = t.id)")
        query = sql.SQL(_OVER).format(where.format(sql.Identifier(table)))
        days = longest(kept.ledger.legal_floor) + _GRACE
        for (tenant,) in site.database.execute(query, [days]).fetchall():
            yield Finding("overdue", f"{table} {tenant}")
    named = sql.SQL(_OVER).format(sql.SQL("t.name <> ''"))
    for (tenant,) in site.database.execute(named, [longest(kept.tax_record.legal_floor) + _GRACE]):
        yield Finding("overdue", f"accounts_tenant {tenant}")
    today, floor = SystemClock().now().date(), longest(kept.tax_record.legal_floor)
    for tenant, closed, certified in site.database.execute(_NAMELESS).fetchall():
        if not certified or (today - closed).days < floor - _GRACE:
            yield Finding("gone_too_soon", f"accounts_tenant {tenant}")
    for id_, _, rule, day, at, rows, certificate in site.database.execute(_ENDED).fetchall():
        said = (certificate or {}).get("rule") or {}
        last = date(1970, 1, 1) + timedelta(days=day)
        true = said.get("name") == rule and said.get("day") == last.isoformat()
        if not (true and certificate.get("rows_cleared") == rows and is_signed(certificate)):
            yield Finding("no_certificate", f"erasure {id_}")
        floor = longest(getattr(kept, _LAW[rule]).legal_floor) if rule in _LAW else 0
        if (at - last).days < floor - _GRACE:
            yield Finding("gone_too_soon", f"erasure {id_}")


def _books_overdue(site: Site) -> AbstractContextManager[str]:
    """Of the examiner's closed tenant, which was closed eight years ago."""
    return site.planted(
        f"ledger_account {site.canary.closed}",
        "WITH old AS (UPDATE accounts_tenant SET closed_at = closed_at - interval '8 years'"
        " WHERE id = %s RETURNING id) INSERT INTO ledger_account (id, tenant_id, kind, currency,"
        " credit_limit_micros) SELECT gen_random_uuid(), id, 'tax', 'XTS', 0 FROM old",
        site.canary.closed,
    )


def _name_overdue(site: Site) -> AbstractContextManager[str]:
    tenant = site.canary.closed
    change = "UPDATE accounts_tenant SET closed_at = closed_at - interval '8 years' WHERE id = %s"
    return site.planted(f"accounts_tenant {tenant}", change, tenant)


def _order(site: Site, rule: str, age: int) -> AbstractContextManager[str]:
    """Records up to so many days ago ended today, without a certificate."""
    id_ = uuid4()
    return site.planted(
        f"erasure {id_}",
        "INSERT INTO privacy_erasure (id, tenant_id, kind, reason, actor, destruction, state,"
        " ordered_at, cleaned_at, rows_cleared, escrowed, category, rule, day) VALUES (%s, %s,"
        " 'records', 'retention', 'test', '{}', 'cleaned', now(), now(), 1, 0, 'records', %s, %s)",
        id_, site.canary.closed, rule, (SystemClock().now().date() - date(1970, 1, 1)).days - age,
    )  # fmt: skip


def _uncertified(site: Site) -> AbstractContextManager[str]:
    return _order(site, "account", 3000)


def _nameless(site: Site) -> AbstractContextManager[str]:
    tenant = site.canary.closed
    change = "UPDATE accounts_tenant SET name = '' WHERE id = %s"
    return site.planted(f"accounts_tenant {tenant}", change, tenant)


RECORDS_END = Control(
    name="records-end",
    says="The books and the name of a tenant that ended stay for the law's seven years, and are"
    " gone then, with a certificate.",
    limits="Of tenants that ended. Books that go without an order are seen by a test, not here.",
    population=_population,
    check=lambda site: list(_check(site)),
    violations=(
        Violation("books-overdue", _BOOKS, _books_overdue),
        Violation("books-too-soon", _BOOKS, lambda site: _order(site, "ledger", 91)),
        Violation("name-overdue", _NAME, _name_overdue),
        Violation("name-too-soon", _NAME, _nameless),
        Violation("records-uncertified", _BOOKS + _NAME, _uncertified),
    ),
)  # fmt: skip
