"""Text made fit to be spoken: sentences of bounded length, numbers read as people dictate them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

MAX_SENTENCE = 300
"""Characters; what is longer is cut between clauses, else between words."""
_LONGEST_WORD = 40
_PHONE = re.compile(
    r"(?<![\w+])\+?(?:(?P<country>\d{1,3})[-. ]?)?"
    r"\(?(?P<area>\d{3})\)?[-. ](?P<exchange>\d{3})[-. ](?P<line>\d{4})(?![\w-])"
)
_E164 = re.compile(r"(?<![\w+])\+(\d{7,15})(?!\w)")
_CODE = re.compile(r"(?<![\w.,$£€])(?:\d{5,}|0\d+)(?![\w%]|[.,]\d)")
"""Long numbers without separators are codes: ZIP, account, order."""
_LONG_NUMBER = re.compile(r"\d[\d,.]{15,}")
_MARKS = re.compile(r"([^\w\s])[^\w\s]{3,}")
_LONG_WORD = re.compile(rf"(\S{{{_LONGEST_WORD}}})(?=\S)")
_END = re.compile(r"(?<=[.!?…])[\"”’')\]]*\s+(?=\S)|\s*\n\s*")
_CLAUSE = re.compile(r"(?<=[,;:—])\s+")
_ABBREVIATION = 8
"""Characters looked back for one: more than the longest and what stands before it."""
_NO_END = re.compile(r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|Rev|Sen|Gov|Gen|Capt|Sgt|Lt|[A-Z])\.$")


def sentences(text: str) -> list[str]:
    """What to speak, one after the other; nothing in it is markup to any engine."""
    clean = unicodedata.normalize("NFKC", text).translate(_LITERAL)
    clean = "".join(c for c in clean if c == "\n" or unicodedata.category(c)[0] != "C")
    return [
        piece
        for sentence in _split(clean)
        for piece in _cut(_LONG_WORD.sub(r"\1 ", _MARKS.sub(r"\1", _numbers(sentence))))
    ]


_LITERAL = str.maketrans({"[": " ", "]": " ", "\t": " ", "\r": "\n", "_": " ", "|": " "})


def _split(text: str) -> Iterator[str]:
    start = 0
    for found in _END.finditer(text):
        end = found.start()
        after = text[found.end() : found.end() + 1]
        last = text[max(start, end - _ABBREVIATION) : end]
        if "\n" not in found.group() and (after.islower() or _NO_END.search(last)):
            continue
        if sentence := text[start:end].strip():
            yield sentence
        start = found.end()
    if text[start:].strip():
        yield text[start:].strip()


def _numbers(text: str) -> str:
    text = _PHONE.sub(_phone, text)
    text = _E164.sub(lambda found: _groups(found[1]), text)
    text = _CODE.sub(lambda found: _spaced(found[0]), text)
    return _LONG_NUMBER.sub(lambda found: _spaced(re.sub(r"\D", "", found[0])), text)


def _phone(found: re.Match[str]) -> str:
    parts = [found["country"], found["area"], found["exchange"], found["line"]]
    return ", ".join(_spaced(part) for part in parts if part)


def _groups(digits: str) -> str:
    """As a number of North America is dictated, any other in threes."""
    if len(digits) == 11 and digits[0] == "1":
        parts = [digits[0], digits[1:4], digits[4:7], digits[7:]]
    else:
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return ", ".join(map(_spaced, parts))


def _spaced(digits: str) -> str:
    return " ".join(digits)


def _cut(sentence: str) -> Iterable[str]:
    if len(sentence) <= MAX_SENTENCE:
        return (sentence,)
    parts: list[str] = []
    for clause in _CLAUSE.split(sentence):
        parts += _packed(clause.split()) if len(clause) > MAX_SENTENCE else (clause,)
    return _packed(parts)


def _packed(parts: Iterable[str]) -> Iterator[str]:
    """Joined by spaces as long as they make no sentence that is too long."""
    piece = ""
    for part in parts:
        joined = f"{piece} {part}" if piece else part
        if len(joined) > MAX_SENTENCE:
            yield piece
            joined = part
        piece = joined
    yield piece
