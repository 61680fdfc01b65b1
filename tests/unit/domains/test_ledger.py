"""The books: every entry is zero-sum, posted once, and stays."""

from __future__ import annotations

import threading
from collections import defaultdict
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.domains.accounts import api as accounts
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryFilter,
    EntryInfo,
    EntryKind,
    Explanation,
    IdempotencyConflict,
    InvalidEntry,
    NewEntry,
    Posting,
    Reference,
)
from ringfence.domains.ledger.models import Line
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.tenancy import tenant

WALLET, REVENUE, TAX, PAYABLE = (
    AccountKind.WALLET,
    AccountKind.REVENUE,
    AccountKind.TAX,
    AccountKind.PAYABLE,
)
CALL = Reference("call", "CA" + "0" * 32)
PAYMENT = Reference("payment", "pi_1")


@pytest.fixture
def acme(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


def usd(micros: int) -> Money:
    return Money(micros, "USD")


def entry(key: str, *lines: tuple[AccountKind, int], currency: str = "USD") -> NewEntry:
    return NewEntry(
        idempotency_key=key,
        kind=EntryKind.ADJUSTMENT,
        lines=tuple(Posting(kind, Money(micros, currency)) for kind, micros in lines),
        reference=CALL,
        explanation=Explanation("test/1"),
    )


def charge(tenant_id: UUID, micros: int, key: str) -> object:
    return ledger.charge(
        tenant_id,
        usd(micros),
        idempotency_key=key,
        reference=CALL,
        explanation=Explanation("test/1"),
    ).low_balance


def book_sums(owner: str) -> dict[tuple[UUID, str], int]:
    """Sum of each tenant's books by currency, read as the owner."""
    with psycopg.connect(owner) as connection:
        rows = connection.execute(
            "SELECT l.tenant_id, a.currency, sum(l.amount_micros) FROM ledger_line l "
            "JOIN ledger_account a ON a.id = l.account_id GROUP BY 1, 2"
        ).fetchall()
    return {(owner_id, currency): int(total) for owner_id, currency, total in rows}


def test_an_entry_is_found_as_it_was_posted(acme: UUID) -> None:
    new = entry("k", (WALLET, -1_250_000), (REVENUE, 1_000_000), (TAX, 250_000))
    posted = ledger.post_entry(acme, new)
    assert posted.new
    (found,) = ledger.list_entries(acme).entries
    assert found == posted.entry
    assert (found.lines, found.reference, found.explanation) == (
        new.lines,
        new.reference,
        new.explanation,
    )
    assert ledger.balance(acme, WALLET, "USD") == usd(-1_250_000)
    assert ledger.balance(acme, TAX, "USD") == usd(250_000)
    assert ledger.balance(acme, TAX, "EUR") == Money(0, "EUR")


def test_the_same_again_returns_the_first_and_other_content_conflicts(acme: UUID) -> None:
    first = ledger.post_entry(acme, entry("k", (WALLET, 5), (PAYABLE, -5)))
    again = ledger.post_entry(acme, entry("k", (WALLET, 5), (PAYABLE, -5)))
    assert (again.entry, again.new) == (first.entry, False)
    for other in (
        entry("k", (WALLET, 6), (PAYABLE, -6)),
        entry("k", (WALLET, 5), (REVENUE, -5)),
        entry("k", (WALLET, 5), (PAYABLE, -5), currency="EUR"),
    ):
        with pytest.raises(IdempotencyConflict) as caught:
            ledger.post_entry(acme, other)
        assert (caught.value.code, caught.value.http_status) == ("idempotency_conflict", 409)
    assert ledger.balance(acme, WALLET, "USD") == usd(5)
    assert len(ledger.list_entries(acme).entries) == 1


def test_a_key_belongs_to_its_tenant(acme: UUID) -> None:
    bolt = accounts.create_tenant("Bolt").id
    for owner, micros in ((acme, 5), (bolt, 7)):
        assert ledger.post_entry(owner, entry("k", (WALLET, micros), (PAYABLE, -micros))).new
    assert ledger.balance(acme, WALLET, "USD") == usd(5)
    assert ledger.balance(bolt, WALLET, "USD") == usd(7)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (entry("k", (WALLET, 5), (PAYABLE, -4)), "lines"),
        (entry("k", (WALLET, 0), (PAYABLE, 0)), "lines"),
        (entry("k", (WALLET, 5)), "lines"),
        (entry("k", (WALLET, 10**15 + 1), (PAYABLE, -(10**15) - 1)), "lines"),
        (entry("", (WALLET, 5), (PAYABLE, -5)), "idempotency_key"),
        (entry("k", (WALLET, 5), (PAYABLE, -5), currency="XXX"), "currency"),
        (entry("k", (WALLET, 5), (PAYABLE, -5), currency="usd"), "currency"),
    ],
)
def test_what_cannot_be_posted_leaves_nothing(acme: UUID, new: NewEntry, field: str) -> None:
    with pytest.raises(InvalidEntry) as caught:
        ledger.post_entry(acme, new)
    assert caught.value.details == {"field": field}
    assert ledger.list_entries(acme).entries == ()
    assert ledger.balances(acme) == {}


def add_line(posted: EntryInfo, seq: int, micros: int) -> None:
    """Past the use cases, as the application role may."""
    with tenant(posted.tenant_id):
        account = Line.objects.filter(entry_id=posted.id).order_by("seq")[0].account_id
        Line.objects.create(
            entry_id=posted.id,
            seq=seq,
            tenant_id=posted.tenant_id,
            account_id=account,
            amount_micros=micros,
        )


def test_the_database_itself_refuses_what_does_not_add_up(acme: UUID, db: DatabaseUrls) -> None:
    posted = ledger.post_entry(acme, entry("k", (WALLET, 5), (PAYABLE, -5))).entry
    insert = (
        "INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key, "
        "reference_type, reference_id, explanation, line_count) "
        "SELECT %s, tenant_id, occurred_at, kind, %s, 'x', 'x', '{}', 2 FROM ledger_entry"
    )
    line = "INSERT INTO ledger_line VALUES (%s, %s, %s, %s, %s)"
    with psycopg.connect(db.app) as connection:
        connection.execute("SELECT set_config('ringfence.tenant', %s, false)", [str(acme)])
        wallet, payable = (
            row[0]
            for row in connection.execute(
                "SELECT id FROM ledger_account ORDER BY kind DESC"
            ).fetchall()
        )
        connection.commit()
        cases = {
            "ledger_entry_complete": ((wallet, 5),),
            "ledger_entry_zero": ((wallet, 5), (payable, -4)),
        }
        for constraint, lines in cases.items():
            made = new_id()
            connection.execute(insert, [made, constraint])
            for seq, (account, micros) in enumerate(lines):
                connection.execute(line, [made, seq, acme, account, micros])
            with pytest.raises(psycopg.errors.CheckViolation) as caught:
                connection.commit()
            assert caught.value.diag.constraint_name == constraint
    with pytest.raises(IntegrityError):  # one more line of an entry that is complete
        add_line(posted, 2, 5)
    for micros in (0, 10**15 + 1, -(10**15) - 1):
        with pytest.raises(IntegrityError, match="ledger_line_amount"):
            add_line(posted, 3, micros)
    assert book_sums(db.owner) == {(acme, "USD"): 0}
    assert len(ledger.list_entries(acme).entries) == 1


def test_a_line_cannot_join_another_tenants_account_or_entry(acme: UUID) -> None:
    bolt = accounts.create_tenant("Bolt").id
    posted = [
        ledger.post_entry(owner, entry("k", (WALLET, 5), (PAYABLE, -5))).entry
        for owner in (acme, bolt)
    ]
    with tenant(bolt):
        theirs = Line.objects.filter(entry_id=posted[1].id)[0].account_id
    for entry_id, account in ((posted[0].id, theirs), (posted[1].id, theirs)):
        with pytest.raises(IntegrityError, match="foreign key"), tenant(acme):
            Line.objects.create(
                entry_id=entry_id, seq=7, tenant_id=acme, account_id=account, amount_micros=1
            )


def test_nobody_but_the_owner_changes_an_entry(acme: UUID, db: DatabaseUrls) -> None:
    ledger.post_entry(acme, entry("k", (WALLET, 5), (PAYABLE, -5)))
    changes = (
        "UPDATE ledger_entry SET kind = 'charge'",
        "UPDATE ledger_line SET amount_micros = 1",
        "DELETE FROM ledger_entry",
        "DELETE FROM ledger_line",
        "TRUNCATE ledger_line",
    )
    roles = {"ringfence_app": db.app, "ringfence_operator": db.operator}
    tables = "ledger_entry, ledger_line"
    for granted in (False, True):  # a grant that somebody gave does not suffice
        for role, url in roles.items():
            with psycopg.connect(db.owner, autocommit=True) as owner:
                try:
                    if granted:
                        owner.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON {tables} TO {role}")
                    for change in changes:
                        with (
                            psycopg.connect(url) as connection,
                            pytest.raises(
                                psycopg.errors.InsufficientPrivilege,
                                match="append-only" if granted else "permission denied",
                            ),
                        ):
                            connection.execute(
                                "SELECT set_config('ringfence.tenant', %s, true)", [str(acme)]
                            )
                            connection.execute(change)
                finally:
                    owner.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM {role}")
    assert ledger.balance(acme, WALLET, "USD") == usd(5)


def in_threads(count: int, work: object) -> list[object]:
    """The results of running ``work(index)`` at the same moment in threads."""
    barrier, results = threading.Barrier(count, timeout=20), [None] * count

    def run(index: int) -> None:
        try:
            barrier.wait()
            results[index] = work(index)  # type: ignore[operator]
        except Exception as error:
            results[index] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return list(results)


def test_the_same_key_at_once_gives_one_entry(acme: UUID) -> None:
    results = in_threads(
        8, lambda _: ledger.post_entry(acme, entry("k", (WALLET, 5), (PAYABLE, -5)))
    )
    assert {result.entry.id for result in results} == {  # type: ignore[attr-defined]
        ledger.list_entries(acme).entries[0].id
    }
    assert sorted(result.new for result in results) == [False] * 7 + [True]  # type: ignore[attr-defined]
    assert ledger.balance(acme, WALLET, "USD") == usd(5)


def test_charges_at_once_cross_the_threshold_once(acme: UUID) -> None:
    ledger.set_wallet_limits(acme, "USD", credit_limit_micros=0, low_balance_micros=450)
    ledger.top_up(acme, usd(1000), idempotency_key="top", reference=PAYMENT)
    results = in_threads(8, lambda index: charge(acme, 100, f"c{index}"))
    events = [event for event in results if event is not None]
    assert [(e.balance_micros, e.threshold_micros) for e in events] == [(400, 450)]  # type: ignore[attr-defined]
    assert ledger.balance(acme, WALLET, "USD") == usd(200)


def test_wallet_from_top_up_to_below_its_credit(acme: UUID) -> None:
    assert not ledger.may_start(acme, "USD")
    assert ledger.may_start(acme, "USD", emergency=True)
    ledger.set_wallet_limits(acme, "USD", credit_limit_micros=50, low_balance_micros=30)
    assert ledger.may_start(acme, "USD")  # on credit
    ledger.top_up(acme, usd(100), idempotency_key="t", reference=PAYMENT)
    assert charge(acme, 70, "a") is None  # 30 is not below 30
    event = charge(acme, 1, "b")
    assert event is not None and event.balance_micros == 29  # type: ignore[attr-defined]
    assert charge(acme, 1, "b") is None  # it was reported
    assert charge(acme, 9, "c") is None  # it is below already
    assert ledger.may_start(acme, "USD")
    assert charge(acme, 500, "d") is None  # a call that goes on is paid for in full
    assert not ledger.may_start(acme, "USD")
    assert not ledger.may_start(acme, "EUR")
    (wallet,) = ledger.list_wallets(acme)
    assert (wallet.balance_micros, wallet.credit_limit_micros) == (-480, 50)
    ledger.top_up(acme, usd(430), idempotency_key="t2", reference=PAYMENT)
    assert not ledger.may_start(acme, "USD")  # exactly at the end of its credit
    ledger.top_up(acme, usd(1), idempotency_key="t3", reference=PAYMENT)
    assert ledger.may_start(acme, "USD")


def test_an_emergency_call_does_not_ask_the_database(acme: UUID) -> None:
    with CaptureQueriesContext(connections["default"]) as seen:
        assert ledger.may_start(acme, "USD", emergency=True)
        assert len(seen) == 0
        assert not ledger.may_start(acme, "USD")
        assert len(seen) > 0


@pytest.mark.parametrize("micros", [0, -1])
def test_amounts_of_top_ups_and_charges_are_positive(acme: UUID, micros: int) -> None:
    with pytest.raises(InvalidEntry):
        charge(acme, micros, "c")
    with pytest.raises(InvalidEntry):
        ledger.top_up(acme, usd(micros), idempotency_key="t", reference=PAYMENT)


def test_pages_and_filters(acme: UUID) -> None:
    for index in range(5):
        ledger.top_up(acme, usd(index + 1), idempotency_key=f"t{index}", reference=PAYMENT)
        charge(acme, 1, f"c{index}")
    seen: list[EntryInfo] = []
    cursor = None
    while True:
        page = ledger.list_entries(acme, before=cursor, limit=3)
        seen += page.entries
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({item.id for item in seen}) == 10
    assert [item.id for item in seen] == sorted((item.id for item in seen), reverse=True)
    charges = ledger.list_entries(acme, EntryFilter(kind=EntryKind.CHARGE)).entries
    assert {item.idempotency_key for item in charges} == {f"c{index}" for index in range(5)}
    paid = ledger.list_entries(acme, EntryFilter(reference=PAYMENT)).entries
    assert {item.kind for item in paid} == {EntryKind.TOP_UP}
    assert len(paid) == 5


_amounts = st.integers(-(10**15), 10**15).filter(bool)
_posts = st.lists(
    st.tuples(
        st.integers(0, 5),  # few keys, so that they meet
        st.sampled_from(["USD", "EUR"]),
        st.lists(st.tuples(st.sampled_from([*AccountKind]), _amounts), min_size=1, max_size=4),
        st.booleans(),
    ),
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(posts=_posts)
def test_any_sequence_of_posts_is_zero_sum_and_replays(
    db: DatabaseUrls, posts: list[tuple[int, str, list[tuple[AccountKind, int]], bool]]
) -> None:
    """Against a model in Python: of each key the first entry that could be posted counts."""
    owner, replayed = (accounts.create_tenant(name).id for name in ("Acme", "Bolt"))
    expected: defaultdict[tuple[AccountKind, str], int] = defaultdict(int)
    first: dict[str, NewEntry] = {}
    for key, currency, lines, balanced in posts:
        rest = -sum(micros for _, micros in lines)
        new = entry(f"k{key}", *lines, *([(PAYABLE, rest)] if balanced else []), currency=currency)
        total = sum(line.amount.micros for line in new.lines)
        amounts_fit = all(1 <= abs(line.amount.micros) <= 10**15 for line in new.lines)
        if total or not amounts_fit or len(new.lines) < 2:
            with pytest.raises(InvalidEntry):
                ledger.post_entry(owner, new)
        elif first.setdefault(new.idempotency_key, new) == new:
            if ledger.post_entry(owner, new).new:
                for line in new.lines:
                    expected[line.account, currency] += line.amount.micros
        else:
            with pytest.raises(IdempotencyConflict):
                ledger.post_entry(owner, new)
        assert not any(book_sums(db.owner).values())
    for found in reversed(ledger.list_entries(owner).entries):
        ledger.post_entry(
            replayed,
            NewEntry(
                idempotency_key=found.idempotency_key,
                kind=found.kind,
                lines=found.lines,
                reference=found.reference,
                explanation=found.explanation,
            ),
        )
    for (kind, currency), micros in expected.items():
        for books in (owner, replayed):
            assert ledger.balance(books, kind, currency) == Money(micros, currency)
    assert ledger.balances(owner) == ledger.balances(replayed)
