"""Words of the product in passwords."""

from __future__ import annotations

import pytest

from ringfence.domains.identity.rules.passwords import made_of_words

HOST = "console.acme-phones.example"


@pytest.mark.parametrize(
    ("password", "refused"),
    [
        ("Ringfence-Admin-2026", True),
        ("ringfenceringfence", True),
        ("WelcomeToRingfence1", True),
        ("Acme-Phones-123456", True),
        ("operator operator!", True),
        ("the fence has nine red posts", False),
        ("password of the lighthouse", False),
        ("correct horse battery", False),
        ("1029 3847 5610 2938", False),
        ("漢字 und naïve Größe", False),
    ],
)
def test_what_is_made_of_known_words(password: str, refused: bool) -> None:
    assert made_of_words(password, HOST) is refused


def test_the_host_counts_where_it_is_ours() -> None:
    assert made_of_words("lighthouse-2026", "lighthouse.example")
    assert not made_of_words("lighthouse-2026", "localhost")
