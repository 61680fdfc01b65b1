"""What a telephone password or a backup answer may be: nothing that is known about its owner."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

PASSWORD_LENGTH, ANSWER_LENGTH = 8, 4
"""The fewest letters and digits."""
_DISTINCT = 5
QUESTIONS = {
    "chosen_word": "Which word did you choose for this question alone?",
    "island_book": "Which book would you take to a desert island?",
    "bridge_colour": "Which colour would you paint a bridge?",
    "refused_dish": "Which dish would you never eat?",
    "invented_planet": "What would you call a planet that you found?",
    "unlikely_instrument": "Which instrument would you least like to hear at dawn?",
}
"""Prompts of the backup: tastes and inventions, nothing that a register, a bill or a social network
knows."""
_SEQUENCES = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a customer: names, numbers, addresses, dates, ids, as texts."""

    texts: tuple[str, ...] = ()
    dates: tuple[date, ...] = ()


def normal(spoken: str) -> str:
    """What is compared: letters and digits without case, as they are told over a telephone."""
    folded = unicodedata.normalize("NFKC", spoken).casefold()
    return "".join(char for char in folded if char.isalnum())


def problems(secret: str, facts: Facts, *, length: int = PASSWORD_LENGTH) -> list[str]:
    """Codes of why it is no secret: ``too_short``, ``too_simple``, ``a_date``, ``account_data``."""
    text = normal(secret)
    found = []
    if len(text) < length:
        found.append("too_short")
    if len(set(text)) < min(_DISTINCT, length - 1) or _is_sequence(text):
        found.append("too_simple")
    if _is_date(text):
        found.append("a_date")
    if any(part in text or (len(text) >= 4 and text in part) for part in _parts(facts)):
        found.append("account_data")
    return found


def _is_sequence(text: str) -> bool:
    """Whether it is a run of the keyboard or the alphabet, or one part again and again."""
    if re.fullmatch(r"(.{1,4})\1+", text):
        return True
    rows = [row * 2 for row in _SEQUENCES] + [row[::-1] * 2 for row in _SEQUENCES]
    return any(text in row for row in rows)


def _is_date(text: str) -> bool:
    """Whether what is not a date or a part of one is shorter than a secret of its own."""
    digits = re.sub(r"\D", "", text)
    others = len(text) - len(digits)
    return others < 4 and len(digits) in (4, 6, 8) and any(_dates_in(digits))


def _dates_in(digits: str) -> Iterator[bool]:
    orders = {
        4: ("mmdd", "ddmm", "yyyy"),
        6: ("mmddyy", "ddmmyy", "yymmdd", "mmyyyy", "yyyymm"),
        8: ("yyyymmdd", "mmddyyyy", "ddmmyyyy"),
    }
    for order in orders[len(digits)]:
        parts = dict.fromkeys("ymd", "")
        for unit, digit in zip(order, digits, strict=True):
            parts[unit] += digit
        year = int(parts["y"] or "2000")
        yield (
            (len(parts["y"]) != 4 or 1900 <= year <= 2099)
            and 1 <= int(parts["m"] or "1") <= 12
            and 1 <= int(parts["d"] or "1") <= 31
        )


def _parts(facts: Facts) -> set[str]:
    """What must not stand in a secret: words and whole texts of four characters or more, numbers,
    and their ends; dates as people write them."""
    return {part for part in _all_parts(facts) if len(part) >= 4}


def _all_parts(facts: Facts) -> Iterable[str]:
    for text in facts.texts:
        yield normal(text)
        yield from (normal(word) for word in re.split(r"\W+", text))
        digits = re.sub(r"\D", "", text)
        if len(digits) >= 4:
            yield from (digits, digits[-10:], digits[-7:], digits[-4:])
        yield from re.findall(r"\d{4,}", text)
    for day in facts.dates:
        for form in ("%Y%m%d", "%m%d%Y", "%d%m%Y", "%m%d%y", "%d%m%y", "%y%m%d"):
            yield day.strftime(form)
