"""Books stay for the law's seven years and no longer, whether their tenant lives or ended; so do
other records, each for its own time, and the name of a tenant that ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from uuid import UUID, uuid4

from psycopg import sql

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.controls.expired_gone import is_signed
from ringfence.entry.promises.controls.periods_as_promised import longest
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.ids import uuid7_floor
from ringfence.policies.profiles.retention import Keep

_BOOKS, _NAME = ("CMX-07.0-04",), ("SIP-08.1-05",)
_GRACE = 2
"""Days: the sweep is daily, and years are of 365 or 366 days."""
_TABLES = ("ledger_account", "ledger_entry", "ledger_line", "ledger_rate_deck", "ledger_unrated")
_LIVING = """
    SELECT t.id FROM accounts_tenant t WHERE t.ended_at IS NULL AND {} AND NOT EXISTS
        (SELECT 1 FROM privacy_hold h WHERE h.tenant_id = t.id AND h.released_at IS NULL)
"""
_DAYS: dict[str, tuple[str, str]] = {
    "ledger_entry": (
        "ledger",
        "EXISTS (SELECT 1 FROM ledger_entry r WHERE r.tenant_id = t.id AND r.kind <> 'carried'"
        " AND r.id < %s)",
    ),
    "ledger_unrated": (
        "ledger",
        "EXISTS (SELECT 1 FROM ledger_unrated r WHERE r.tenant_id = t.id AND r.id < %s)",
    ),
    "consent_evidence": (
        "messaging_consents",
        "EXISTS (SELECT 1 FROM consent_evidence r JOIN consent_evidence later USING (tenant_id,"
        " person_id, scope) WHERE r.tenant_id = t.id AND r.seq < later.seq AND later.id < %s)",
    ),
    "policy_acceptance": (
        "tax_record",
        "EXISTS (SELECT 1 FROM policy_acceptance r JOIN policy_acceptance later USING (tenant_id)"
        " JOIN policy_version v ON v.number = later.number WHERE r.tenant_id = t.id"
        " AND r.number < later.number"
        " AND ringfence_uuid7_floor(greatest(later.accepted_at, v.effective_at)"
        " AT TIME ZONE 'UTC') < %s)",
    ),
}
"""Of tenants that live, by table: the category, and whether anything is older than an id."""
_UNBALANCED = """
    SELECT l.tenant_id FROM ledger_line l JOIN ledger_account a ON a.id = l.account_id
    WHERE l.tenant_id IN (SELECT tenant_id FROM ledger_entry WHERE kind = 'carried')
    GROUP BY l.tenant_id, a.currency HAVING sum(l.amount_micros) <> 0
"""
_BROUGHT = """
    SELECT e.id FROM ledger_entry e WHERE e.kind = 'carried' AND NOT EXISTS (
        SELECT 1 FROM privacy_erasure o WHERE o.tenant_id = e.tenant_id AND o.kind = 'records'
            AND o.rule = 'ledger_days'
            AND o.day >= (e.occurred_at AT TIME ZONE 'UTC')::date - date '1970-01-01' - 1)
"""
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
_LAW = {
    "ledger": "ledger",
    "ledger_days": "ledger",
    "account": "tax_record",
    "acceptances": "tax_record",
    "acceptances_over": "tax_record",
    "consents": "messaging_consents",
    "consents_over": "messaging_consents",
}
"""By rule: the category of the profile that has the law's time."""


def _population(site: Site) -> int:
    """Tenants that ended, and entries of the others; none, if there is nothing of either."""
    row = site.database.execute(
        "SELECT (SELECT count(*) FROM accounts_tenant WHERE ended_at IS NOT NULL),"
        " (SELECT count(*) FROM ledger_entry)"
    ).fetchone()
    return row[0] + row[1] if row else 0


def _check(site: Site) -> Iterator[Finding]:
    kept = site.profile.retention
    for table in _TABLES:
        where = sql.SQL("EXISTS (SELECT 1 FROM {} r WHERE r.tenant_id = t.id)")
        query = sql.SQL(_OVER).format(where.format(sql.Identifier(table)))
        days = longest(kept.ledger.legal_floor) + _GRACE
        for (tenant,) in site.database.execute(query, [days]).fetchall():
            yield Finding("overdue", f"{table} {tenant}")
    for table, (category, older) in _DAYS.items():
        bound = _bound(getattr(kept, category))
        if bound is not None:
            living = sql.SQL(_LIVING).format(sql.SQL(older))
            for (tenant,) in site.database.execute(living, [bound]).fetchall():
                yield Finding("overdue", f"{table} {tenant}")
    for (tenant,) in site.database.execute(_UNBALANCED).fetchall():
        yield Finding("does_not_add_up", f"books {tenant}")
    for (entry,) in site.database.execute(_BROUGHT).fetchall():
        yield Finding("no_certificate", f"ledger_entry {entry}")
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


def _bound(keep: Keep) -> UUID | None:
    """What is due has a smaller id; None: nothing is while the tenant lives."""
    if not keep.active.finite:
        return None
    days = max(longest(keep.active), longest(keep.legal_floor)) + _GRACE
    return uuid7_floor(int((SystemClock().now() - timedelta(days=days)).timestamp() * 1000))


def _old(site: Site, keep: Keep) -> UUID:
    """An id of an entry that is overdue, or would be if anything ever were."""
    days = longest(keep.legal_floor) + _GRACE + 1
    bound = int((SystemClock().now() - timedelta(days=days)).timestamp() * 1000)
    return UUID(int=uuid7_floor(bound).int | uuid4().int & 0xFFFF_FFFF)


def _entry_overdue(site: Site) -> AbstractContextManager[str]:
    """Of the examiner's living tenant, posted when nobody may know any more."""
    tenant = site.canary.tenant
    return site.planted(
        f"ledger_entry {tenant}",
        "INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key,"
        " reference_type, reference_id, explanation, line_count)"
        " VALUES (%s, %s, now(), 'charge', gen_random_uuid(), 'call', '', '{}', 0)",
        _old(site, site.profile.retention.ledger),
        tenant,
    )


def _unordered(site: Site) -> AbstractContextManager[str]:
    """Books that begin with a sum of what nobody ordered to end."""
    id_ = uuid4()
    return site.planted(
        f"ledger_entry {id_}",
        "INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key,"
        " reference_type, reference_id, explanation, line_count)"
        " VALUES (%s, %s, now(), 'carried', gen_random_uuid(), 'books', '', '{}', 0)",
        id_,
        site.canary.tenant,
    )


def _not_carried(site: Site) -> AbstractContextManager[str]:
    """The books begin with more than what went."""
    tenant = site.canary.tenant
    return site.planted(
        f"books {tenant}",
        "WITH one AS (INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key,"
        " reference_type, reference_id, explanation, line_count) VALUES (gen_random_uuid(), %s,"
        " now(), 'carried', gen_random_uuid(), 'books', '', '{}', 2) RETURNING id, tenant_id),"
        " account AS (INSERT INTO ledger_account (id, tenant_id, kind, currency,"
        " credit_limit_micros) SELECT gen_random_uuid(), tenant_id, 'tax', 'XTS', 0 FROM one"
        " RETURNING id) INSERT INTO ledger_line (entry_id, seq, tenant_id, account_id,"
        " amount_micros) SELECT one.id, 0, one.tenant_id, account.id, 1 FROM one, account",
        tenant,
    )


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
    says="Books, and the name of a tenant that ended, stay for the law's seven years and are gone"
    " then, with a certificate; the books of who lives still add up.",
    limits="Of tenants that live by the times of the examined profile. Books that go as a whole"
    " without an order are seen by a test, not here.",
    population=_population,
    check=lambda site: list(_check(site)),
    violations=(
        Violation("books-overdue", _BOOKS, _books_overdue),
        Violation("books-too-soon", _BOOKS, lambda site: _order(site, "ledger", 91)),
        Violation("entry-of-the-living-overdue", _BOOKS, _entry_overdue),
        Violation("days-too-soon", _BOOKS, lambda site: _order(site, "ledger_days", 91)),
        Violation("carried-unordered", _BOOKS, _unordered),
        Violation("not-carried", _BOOKS, _not_carried),
        Violation("name-overdue", _NAME, _name_overdue),
        Violation("name-too-soon", _NAME, _nameless),
        Violation("records-uncertified", _BOOKS + _NAME, _uncertified),
    ),
)  # fmt: skip
