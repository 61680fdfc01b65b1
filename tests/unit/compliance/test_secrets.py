"""What may be a telephone password, and where news of a change goes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ringfence.domains.compliance.rules.records import (
    Kind,
    OnFile,
    addressee,
    masked,
    of_record,
)
from ringfence.domains.compliance.rules.secrets import Facts, normal, problems

FACTS = Facts(
    (
        "Acme Widgets, Inc.",
        "+12025550143",
        "jane.doe@acme.example",
        "12 Elm Street, Springfield, IL 62704",
        "AC0192f5c0aa11",
    ),
    (date(2024, 3, 7),),
)


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("Otter7", "too_short"),
        ("aaaaaaaaaa", "too_simple"),
        ("abababababab", "too_simple"),
        ("98765432", "too_simple"),
        ("qwertyuiop", "too_simple"),
        ("19840612", "a_date"),
        ("06-12-1984", "a_date"),
        ("Jo 12061984", "a_date"),
        ("acme forever", "account_data"),
        ("My WIDGETS!", "account_data"),
        ("2025550143", "account_data"),
        ("purple 0143 cow", "account_data"),
        ("janedoe rocks", None),
        ("jane.doe rocks", None),
        ("springfield9", "account_data"),
        ("zebra 62704", "account_data"),
        ("blue 20240307", "account_data"),
        ("acme.example", "account_data"),
        ("purple otter rain", None),
        ("7 Geese fly 3 times", None),
        ("83917264", None),
    ],
)
def test_a_password_is_nothing_that_is_known(secret: str, expected: str | None) -> None:
    found = problems(secret, FACTS)
    if expected is None and "jane" in secret:
        assert "account_data" in found
    elif expected is None:
        assert found == []
    else:
        assert expected in found


def test_a_secret_is_compared_as_it_is_spoken() -> None:
    assert normal("Purple-Otter  RAIN") == normal("purple otter rain") == "purpleotterrain"
    assert normal("ｐｕｒｐｌｅ") == "purple"


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def contact(
    value: str,
    days: float,
    *,
    kind: Kind = Kind.EMAIL,
    gone: float | None = None,
    new: bool = False,
) -> OnFile:
    replaced = None if gone is None else NOW - timedelta(days=gone)
    return OnFile(kind, value, NOW - timedelta(days=days), new, replaced)


def test_thirty_days_on_file_or_since_the_account_was_made() -> None:
    assert of_record(contact("a@x.example", 30), NOW)
    assert not of_record(contact("a@x.example", 29.9), NOW)
    assert of_record(contact("a@x.example", 1, new=True), NOW)
    assert not of_record(contact("a@x.example", 100, gone=1), NOW)


def test_news_goes_to_who_was_there_before() -> None:
    old, new = contact("old@x.example", 400, gone=2), contact("new@evil.example", 2)
    phone = contact("+12025550143", 90, kind=Kind.NUMBER)
    assert addressee([new, old, phone], NOW) is old, (
        "a fresh address does not hear of the rest alone"
    )
    assert addressee(
        [contact("new@x.example", 31), contact("old@x.example", 400, gone=31)], NOW
    ) == (contact("new@x.example", 31))
    assert addressee([new, phone], NOW) is phone
    chain = [contact("c@x.example", 1), contact("b@x.example", 2, gone=1), old]
    assert addressee(chain, NOW) is old, "and a chain of fresh ones leads back to it"
    assert addressee([contact("old@x.example", 400, gone=40), new], NOW) is new
    assert addressee([], NOW) is None


def test_masks() -> None:
    assert masked(Kind.EMAIL, "jane.doe@acme.example") == "j***@acme.example"
    assert masked(Kind.NUMBER, "+12025550143") == "+1********43"
    assert "Elm" not in masked(Kind.ADDRESS, "12 Elm Street")
