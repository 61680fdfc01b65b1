"""Rates as CSV: parsed and checked line by line, all problems at once."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from ringfence.domains.ledger.contracts import InvalidDeck
from ringfence.domains.ledger.rules.rating import MAX_PREFIX

COLUMNS = (
    "prefix",
    "price_per_minute",
    "connection_fee",
    "minimum_seconds",
    "first_seconds",
    "next_seconds",
    "effective_from",
    "effective_to",
)
MAX_LINES = 200_000
MAX_ERRORS = 100
MAX_PRICE_MICROS = 1_000_000_000
_YEARS = range(1970, 3000)
_PREFIX = re.compile(rf"[0-9]{{1,{MAX_PREFIX}}}")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_SECONDS = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class RateLine:
    """One line of the file. Amounts in micros."""

    line: int
    prefix: str
    price_per_minute_micros: int
    connection_fee_micros: int
    minimum_seconds: int
    first_seconds: int
    next_seconds: int
    effective_from: datetime
    effective_to: datetime | None


class _Bad(Exception):
    """A value cannot be accepted."""


def parse_rates(text: str) -> tuple[RateLine, ...]:
    """All rates of a file. Raises InvalidDeck with up to 100 ``errors`` of ``line``, ``problem``.

    The first line names the columns, in this order. Amounts are units of the deck's currency with
    at most six decimals; times are ISO 8601 with an offset; an empty ``effective_to`` is open.
    """
    reader = csv.reader(text.splitlines(), strict=True)
    rates: list[RateLine] = []
    errors: list[tuple[int, str]] = []
    try:
        if tuple(next(reader, ())) != COLUMNS:
            raise _refuse([(1, f"the columns are {','.join(COLUMNS)}")])
        for row in reader:
            if len(rates) + len(errors) == MAX_LINES:
                raise _refuse([(reader.line_num, f"a file has at most {MAX_LINES} rates")])
            try:
                rates.append(_rate(reader.line_num, row))
            except _Bad as problem:
                errors.append((reader.line_num, str(problem)))
    except csv.Error:
        errors.append((reader.line_num, "is not CSV"))
    errors += _overlaps(rates)
    if not rates and not errors:
        errors.append((1, "has no rate"))
    if errors:
        raise _refuse(sorted(errors))
    return tuple(rates)


def _refuse(errors: list[tuple[int, str]]) -> InvalidDeck:
    shown = [{"line": line, "problem": problem} for line, problem in errors[:MAX_ERRORS]]
    return InvalidDeck("the rates cannot be accepted", details={"errors": shown})


def _rate(line: int, row: list[str]) -> RateLine:
    if len(row) != len(COLUMNS):
        raise _Bad(f"has {len(row)} columns instead of {len(COLUMNS)}")
    prefix, price, fee, minimum, first, following, start, end = (cell.strip() for cell in row)
    if not _PREFIX.fullmatch(prefix):
        raise _Bad(f"prefix: is 1 to {MAX_PREFIX} digits")
    effective_from = _moment("effective_from", start)
    effective_to = _moment("effective_to", end) if end else None
    if effective_to is not None and effective_to <= effective_from:
        raise _Bad("effective_to: is after effective_from")
    return RateLine(
        line,
        prefix,
        _micros("price_per_minute", price),
        _micros("connection_fee", fee),
        _seconds("minimum_seconds", minimum, 0),
        _seconds("first_seconds", first, 1),
        _seconds("next_seconds", following, 1),
        effective_from,
        effective_to,
    )


def _micros(name: str, text: str) -> int:
    micros = int(Decimal(text) * 1_000_000) if _AMOUNT.fullmatch(text) else -1
    if not 0 <= micros <= MAX_PRICE_MICROS:
        raise _Bad(f"{name}: is an amount up to 1000 with at most six decimals")
    return micros


def _seconds(name: str, text: str, least: int) -> int:
    if not _SECONDS.fullmatch(text) or not least <= int(text) <= 3600:
        raise _Bad(f"{name}: is a whole number from {least} to 3600")
    return int(text)


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Bad(f"{name}: is a time like 2026-01-01T00:00:00+00:00") from None
    if moment.utcoffset() is None:
        raise _Bad(f"{name}: has an offset from UTC")
    if moment.year not in _YEARS:
        raise _Bad(f"{name}: lies between {_YEARS[0]} and {_YEARS[-1]}")
    return moment


def _overlaps(rates: Iterable[RateLine]) -> list[tuple[int, str]]:
    """Of one prefix, at most one rate is in effect at any time."""
    of_prefix: defaultdict[str, list[RateLine]] = defaultdict(list)
    for rate in rates:
        of_prefix[rate.prefix].append(rate)
    errors = []
    for same in of_prefix.values():
        same.sort(key=lambda rate: rate.effective_from)
        for earlier, later in pairwise(same):
            if earlier.effective_to is None or later.effective_from < earlier.effective_to:
                errors.append((later.line, f"overlaps line {earlier.line} in time"))
    return errors
