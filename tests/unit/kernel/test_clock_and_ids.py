"""Clock, identifiers and money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.kernel.clock import ManualClock, SystemClock, from_micros, to_micros
from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError, Unauthorized
from ringfence.kernel.ids import InvalidId, Prefix, parse_public_id, public_id, uuid7, uuid7_floor
from ringfence.kernel.money import Money

MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(MOMENT.astimezone(timezone(timedelta(hours=5))))
    assert clock.now() == MOMENT
    assert clock.now().utcoffset() == timedelta(0)
    before = clock.monotonic()
    assert clock.now() == MOMENT
    clock.advance(timedelta(days=365, microseconds=1))
    assert clock.now() == datetime(2027, 3, 1, 12, 0, 0, 123_457, tzinfo=UTC)
    assert clock.monotonic() - before == pytest.approx(365 * 86_400, abs=1e-3)


def test_micros_of_known_moments() -> None:
    assert to_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert to_micros(MOMENT) == 1_772_366_400_123_456
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
    assert ManualClock(MOMENT).micros() == 1_772_366_400_123_456


@given(st.datetimes(timezones=st.just(UTC)))
def test_micros_round_trip(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment


def test_system_clock_agrees_with_itself() -> None:
    clock = SystemClock()
    first, micros, second = clock.now(), clock.micros(), clock.now()
    assert to_micros(first) - 1 <= micros <= to_micros(second) + 1
    assert clock.monotonic() <= clock.monotonic()


def test_uuid7_layout() -> None:
    # RFC 9562 appendix A.6: unix_ts_ms 0x017F22E279B0 is 2022-02-22 19:22:22 UTC
    clock = ManualClock(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC))
    made = {uuid7(clock) for _ in range(500)}
    assert len(made) == 500
    for value in made:
        assert value.hex.startswith("017f22e279b07")
        assert value.version == 7
        assert value.hex[16] in "89ab"
        assert value >= uuid7_floor(0x017F22E279B0)
        assert value < uuid7_floor(0x017F22E279B1)
    assert uuid7_floor(0x017F22E279B0).hex == "017f22e279b070008000000000000000"


def test_later_ids_sort_later() -> None:
    clock = ManualClock(MOMENT)
    made = []
    for _ in range(100):
        made.append(uuid7(clock))
        clock.advance(timedelta(milliseconds=1))
    assert made == sorted(made)


VALUE = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


def test_public_ids() -> None:
    assert public_id(Prefix.CALL, VALUE) == "CA017f22e279b07cc398c4dc0c0c07398f"
    for prefix in Prefix:
        assert parse_public_id(prefix, public_id(prefix, VALUE)) == VALUE


@pytest.mark.parametrize(
    "text",
    [
        "", "CA", "017f22e279b07cc398c4dc0c0c07398f", "LG017f22e279b07cc398c4dc0c0c07398f",
        "CA017f22e279b07cc398c4dc0c0c07398", "CA017f22e279b07cc398c4dc0c0c07398ff",
        "CA017F22E279B07CC398C4DC0C0C07398F", "ca017f22e279b07cc398c4dc0c0c07398f",
        "CA017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "CA017f22e279b07cc398c4dc0c0c07398f\n",
        "CA٠17f22e279b07cc398c4dc0c0c07398f",
    ],
)  # fmt: skip
def test_other_texts_are_no_call_id(text: str) -> None:
    with pytest.raises(InvalidId) as caught:
        parse_public_id(Prefix.CALL, text)
    assert (caught.value.code, caught.value.http_status) == ("invalid_id", 422)


def test_money_never_mixes_currencies() -> None:
    assert Money(1_500_000) + Money(250_000) == Money(1_750_000, "USD")
    assert Money(1) - Money(3) == -Money(2)
    with pytest.raises(InvalidInput):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(InvalidInput):
        Money(1, "USD") - Money(1, "EUR")
    assert Money(1, "USD") != Money(1, "EUR")
    with pytest.raises(TypeError):
        assert Money(1) < Money(2)  # type: ignore[operator]


def test_errors_have_stable_codes() -> None:
    codes = {error: (error.code, error.http_status) for error in (NotFound, Unauthorized)}
    assert codes == {NotFound: ("not_found", 404), Unauthorized: ("unauthorized", 401)}
    details = {"field": "to"}
    error = RingfenceError("no", details=details)
    details["field"] = "changed"
    assert (str(error), error.details) == ("no", {"field": "to"})
    assert RingfenceError("x").details == {}
