"""What calls cost, by hand and against a second by second count; and price lists as files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.accounts import api as accounts
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import (
    DeckInfo,
    DeckKind,
    DeckNotFound,
    InvalidDeck,
    RateInfo,
    Step,
)
from ringfence.domains.ledger.rules.rating import find_rate, rate_seconds
from ringfence.platform.database import DatabaseUrls

DECK, RATE = UUID(int=1), UUID(int=2)
JANUARY, JUNE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
HEADER = (
    "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
    "effective_from,effective_to\n"
)


def rate(
    price: int = 0, fee: int = 0, minimum: int = 0, first: int = 1, following: int = 1,
    *, prefix: str = "1", since: datetime = JANUARY, until: datetime | None = None,
) -> RateInfo:  # fmt: skip
    return RateInfo(
        id=RATE, deck_id=DECK, prefix=prefix, currency="USD", price_per_minute_micros=price,
        connection_fee_micros=fee, minimum_seconds=minimum, first_seconds=first,
        next_seconds=following, effective_from=since, effective_to=until,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given_rate", "seconds", "billed", "micros"),
    [
        (rate(12_000), 61, 61, 12_200),
        (rate(12_000, first=60, following=60), 61, 120, 24_000),
        (rate(12_000, first=60, following=60), 60, 60, 12_000),
        (rate(12_000, first=30, following=6), 31, 36, 7_200),
        (rate(12_000, first=30, following=6), 36, 36, 7_200),
        (rate(12_000, first=30, following=6), 1, 30, 6_000),
        (rate(12_000, minimum=45, first=30, following=6), 2, 48, 9_600),
        (rate(12_000, fee=50_000), 1, 1, 50_200),
        (rate(12_000, fee=50_000, first=60), 0, 0, 0),
        (rate(0, fee=0), 100, 100, 0),
        (rate(30), 1, 1, 1),  # 0.5 micros: half up
        (rate(29), 1, 1, 0),  # 0.483
        (rate(90), 1, 1, 2),  # 1.5
        (rate(150), 1, 1, 3),  # 2.5: not to even
        (rate(100), 61, 61, 102),  # 101.67
    ],
)
def test_prices_by_hand(given_rate: RateInfo, seconds: int, billed: int, micros: int) -> None:
    rated = rate_seconds(given_rate, seconds)
    assert (rated.billed_seconds, rated.amount.micros) == (billed, micros)


def test_a_result_explains_itself() -> None:
    rated = rate_seconds(rate(12_000, 50_000, 45, 30, 6, prefix="1202"), 2)
    assert rated.prefix == "1202"
    why = rated.explanation
    assert (why.rule, why.deck, why.rate, why.billed_seconds) == ("rating/1", DECK, RATE, 48)
    assert why.steps == (
        Step("used", 2),
        Step("at_least_minimum", 45),
        Step("first_increment", 30),
        Step("next_increments", 18),
        Step("usage", 48, 9_600),
        Step("connection_fee", 0, 50_000),
    )


_rates = st.builds(
    rate,
    price=st.integers(0, 10**9),
    fee=st.integers(0, 10**9),
    minimum=st.integers(0, 200),
    first=st.integers(1, 120),
    following=st.integers(1, 120),
)


def by_brute_force(given_rate: RateInfo, seconds: int) -> tuple[int, int]:
    if seconds == 0:
        return 0, 0
    billed = given_rate.first_seconds
    while billed < seconds or billed < given_rate.minimum_seconds:
        billed += given_rate.next_seconds
    usage = Fraction(billed * given_rate.price_per_minute_micros, 60)
    return billed, floor(usage + Fraction(1, 2)) + given_rate.connection_fee_micros


@given(_rates, st.integers(0, 2000))
def test_prices_equal_those_counted_up(given_rate: RateInfo, seconds: int) -> None:
    rated = rate_seconds(given_rate, seconds)
    assert (rated.billed_seconds, rated.amount.micros) == by_brute_force(given_rate, seconds)
    assert sum(step.micros for step in rated.explanation.steps) == rated.amount.micros


@given(_rates, st.integers(-5, 10**6), st.integers(0, 10**6))
def test_longer_never_costs_less_and_nothing_is_negative(
    given_rate: RateInfo, seconds: int, more: int
) -> None:
    shorter, longer = rate_seconds(given_rate, seconds), rate_seconds(given_rate, seconds + more)
    assert 0 <= shorter.amount.micros <= longer.amount.micros


@given(
    st.lists(
        st.tuples(st.text("12", min_size=1, max_size=4), st.integers(0, 20), st.integers(1, 20)),
        max_size=12,
    ),
    st.text("12", min_size=1, max_size=6),
    st.integers(0, 30),
)
def test_the_longest_prefix_in_effect_counts(
    windows: list[tuple[str, int, int]], digits: str, day: int
) -> None:
    def on(number: int) -> datetime:
        return JANUARY + timedelta(days=number)

    rates = [rate(prefix=p, since=on(s), until=on(s + n)) for p, s, n in windows]
    found = find_rate(rates, digits, on(day))
    for length in range(len(digits), 0, -1):
        live = [p for p, s, n in windows if p == digits[:length] and s <= day < s + n]
        if live:
            assert found is not None and found.prefix == live[0]
            return
    assert found is None


@pytest.fixture
def acme(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


def deck(tenant: UUID, text: str, name: str = "Retail") -> DeckInfo:
    return ledger.create_deck(tenant, name, text, kind=DeckKind.SELL, currency="USD")


def test_a_call_is_priced_from_an_imported_deck(acme: UUID) -> None:
    made = deck(
        acme,
        HEADER
        + "1,0.012,0,0,60,60,2026-01-01T00:00:00+00:00,\n"
        + "1202,0.006,0.05,0,6,6,2026-01-01T00:00:00+00:00,2026-06-01T00:00:00+00:00\n"
        + "1202,0.018,0,0,6,6,2026-06-01T00:00:00+00:00,\n",
    )
    assert (made.rates, made.currency, made.kind) == (3, "USD", DeckKind.SELL)

    def cost(number: str, at: datetime) -> int | None:
        rated = ledger.rate_number(acme, made.id, number, 7, at)
        return None if rated is None else rated.amount.micros

    assert cost("+12025550100", JANUARY) == 51_200  # 12 s of 0.006, and the fee
    assert cost("+12025550100", JUNE - timedelta(microseconds=1)) == 51_200
    assert cost("+12025550100", JUNE) == 3_600
    assert cost("+14155550100", JUNE) == 12_000
    assert cost("+14155550100", JANUARY - timedelta(seconds=1)) is None
    assert cost("+4930123456", JUNE) is None
    other = accounts.create_tenant("Bolt").id
    with pytest.raises(DeckNotFound):
        ledger.rate_number(other, made.id, "+12025550100", 7, JUNE)


def test_every_wrong_line_is_named_and_nothing_is_left(acme: UUID, db: DatabaseUrls) -> None:
    start = "2026-01-01T00:00:00+00:00"
    with pytest.raises(InvalidDeck) as caught:
        deck(
            acme,
            HEADER
            + f"1,0.01,0,0,60,60,{start},\n"
            + f"+1,0.01,0,0,60,60,{start},\n"
            + f"44,0.0000001,0,0,60,60,{start},\n"
            + f"44,-1,0,0,60,60,{start},\n"
            + f"44,0.01,0,0,0,60,{start},\n"
            + "44,0.01,0,0,60,60,2026-01-01T00:00:00,\n"
            + f"44,0.01,0,0,60,60,{start},{start}\n"
            + "44,0.01\n"
            + f"1,0.02,0,0,60,60,{start},\n",
        )
    errors = caught.value.details["errors"]
    assert [error["line"] for error in errors] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert [error["problem"].split(":")[0] for error in errors[:6]] == [
        "prefix",
        "price_per_minute",
        "price_per_minute",
        "first_seconds",
        "effective_from",
        "effective_to",
    ]
    assert errors[6]["problem"] == "has 2 columns instead of 8"
    assert errors[7]["problem"] == "overlaps line 2 in time"
    for text in ("", HEADER, "prefix\n1\n", HEADER + '"1'):
        with pytest.raises(InvalidDeck):
            deck(acme, text)
    with psycopg.connect(db.owner) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM ledger_rate), (SELECT count(*) FROM ledger_rate_deck)"
        ).fetchone()
    assert counts == (0, 0)


def test_a_rate_never_changes(acme: UUID, db: DatabaseUrls) -> None:
    deck(acme, HEADER + "1,0.01,0,0,60,60,2026-01-01T00:00:00+00:00,\n")
    for url in (db.app, db.operator):
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("UPDATE ledger_rate SET price_per_minute_micros = 0")


@given(st.text(alphabet='0123456789,.\n"+-:TZ eé\x00', max_size=80))
def test_any_text_is_rates_or_an_error_of_its_own(text: str) -> None:
    from ringfence.domains.ledger.rules.rate_file import parse_rates

    for whole in (text, HEADER + text):
        try:
            assert parse_rates(whole)
        except InvalidDeck as error:
            assert error.details["errors"]
