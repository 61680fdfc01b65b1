"""What a profile lets tenants choose, in days."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfence.policies.profiles import NAMES, Period, days_kept, load_profile, most_days

INSTALLED = {"call_records": 550, "recordings": 90, "customer_recordings": 90}


@pytest.mark.parametrize(
    ("text", "days"),
    [("1 day", 1), ("90 days", 90), ("1 month", 31), ("18 months", 550), ("24 months", 731),
     ("1 year", 366), ("account life", None), ("forever", None), ("36 hours", None)],
)  # fmt: skip
def test_the_most_days_of_a_length(text: str, days: int | None) -> None:
    assert most_days(Period.of(text)) == days


def test_strict_leaves_recordings_to_tenants_and_call_records_not() -> None:
    kept = days_kept(load_profile("strict").retention, INSTALLED)
    assert (kept["recordings"].least, kept["recordings"].most) == (1, 731)
    assert kept["customer_recordings"] == kept["recordings"]
    assert (kept["call_records"].least, kept["call_records"].most) == (550, 550)
    assert [kept["recordings"].allows(days) for days in (0, 1, 731, 732)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_as_long_as_the_account_is_a_hundred_years() -> None:
    retention = load_profile("strict").retention
    open_end = replace(retention.recordings, tenant_max=Period.of("account life"))
    kept = days_kept(replace(retention, recordings=open_end), INSTALLED)
    assert (kept["recordings"].least, kept["recordings"].most) == (1, 36_500)


def test_a_least_without_days_leaves_no_choice() -> None:
    retention = load_profile("strict").retention
    for least in ("36 hours", "account life"):
        odd = replace(retention.recordings, tenant_min=Period.of(least))
        kept = days_kept(replace(retention, recordings=odd), INSTALLED)
        assert (kept["recordings"].least, kept["recordings"].most) == (90, 90)


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_says_something(name: str) -> None:
    for kept in days_kept(load_profile(name).retention, INSTALLED).values():
        assert kept.least <= kept.most
