"""The forms of a package hold whatever stands in a row without running or breaking anything."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.privacy.rules import package

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=40)


def row(value: Any) -> dict[str, Any]:
    return {"row": "1", "roles": ["caller"], "values": {"value": value}, "unreadable": {}}


def data(value: Any) -> dict[str, Any]:
    return {
        "request": "RR1",
        "known_as": "+14155550100",
        "made_at": "2026-01-01",
        "tables": [{"table": "x.Row", "fields": ["value"], "rows": [row(value)]}],
        "files": [{"file": None, "about": {"recording": "RE1"}, "error": "key_destroyed"}],
    }


class Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(page: str) -> Read:
    found = Read()
    found.feed(page)
    found.close()
    return found


@given(texts)
def test_a_value_makes_no_element_of_the_page(value: str) -> None:
    found = read(package.page_text(data(value)))
    assert found.tags == read(package.page_text(data("plain"))).tags
    assert "script" not in found.tags
    assert value in "".join(found.said)


@given(texts)
def test_a_table_is_read_back_and_has_no_formula(value: str) -> None:
    (_, (_, roles, cell)) = list(csv.reader(io.StringIO(package.csv_text(["value"], [row(value)]))))
    assert roles == "caller"
    assert cell in (value, f"'{value}")
    assert not cell.startswith(("=", "+", "-", "@", "\t"))


def test_what_is_no_text_is_json() -> None:
    text = package.csv_text(["value"], [row({"number": "+1"})])
    assert '"{""number"": ""+1""}"' in text
    assert "-5" in package.csv_text(["value"], [row(-5)])


def test_what_cannot_be_read_says_so() -> None:
    shown = data(None)
    shown["tables"][0]["rows"][0]["unreadable"] = {"value": "key_destroyed"}
    assert "cannot be read: key_destroyed" in package.page_text(shown)
    assert "Nothing is held" in package.page_text(data(None) | {"tables": []})
