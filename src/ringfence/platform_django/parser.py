"""Reading what a client sends: only text that the database keeps, no deeper than anyone needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from ringfence.kernel.errors import InvalidInput

MAX_DEPTH = 100
"""Of objects and lists within each other: what is deeper fails when it is written again."""


class UnusableText(InvalidInput):
    """It holds NUL or half a surrogate pair, which no text may."""

    code = "unusable_text"


class TooDeep(InvalidInput):
    """Objects and lists lie too deep within each other."""

    code = "too_deep"


class StrictParser(Parser):
    """JSON, queries and forms as ninja reads them, refused where no route could use them.

    Raises UnusableText, TooDeep (422).
    """

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        data: dict[str, Any] = super().parse_body(request)
        _check(data)
        return data

    def parse_querydict(
        self,
        data: MultiValueDict,  # type: ignore[type-arg]
        list_fields: list[str],
        request: HttpRequest,
    ) -> dict[str, Any]:
        read: dict[str, Any] = super().parse_querydict(data, list_fields, request)
        _check(read)
        return read


def _check(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise TooDeep("the body is nested too deep", details={"limit": MAX_DEPTH})
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                if "\0" in item or not _encodes(item):
                    raise UnusableText("a text holds NUL or half a surrogate pair")
            elif isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
        level = below


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
