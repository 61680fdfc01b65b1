"""Telephone numbers as trunks write them, to and from E.164 (rules: engine.ports.NumberFormat)."""

from __future__ import annotations

import re

from ringfence.engine.ports import NumberFormat

_VISUAL = str.maketrans("", "", "-.() ")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
WITHHELD = frozenset({"anonymous", "restricted", "unknown", "unavailable", "private", ""})


def is_e164(text: str) -> bool:
    """``+`` and 7 to 15 digits (ITU-T E.164)."""
    return _E164.fullmatch(text) is not None


def to_e164(text: str, form: NumberFormat) -> str | None:
    """E.164 of a number as this trunk writes it, or None when it is not a telephone number."""
    digits = text.translate(_VISUAL)
    if form.strip_prefix and digits.startswith(form.strip_prefix):
        digits = digits[len(form.strip_prefix) :]
    if digits.startswith("+"):
        result = digits
    elif not (digits.isascii() and digits.isdigit()):
        return None
    elif form.international_prefix and digits.startswith(form.international_prefix):
        result = "+" + digits[len(form.international_prefix) :]
    elif form.style == "no_plus":
        result = "+" + digits
    elif form.national_prefix and digits.startswith(form.national_prefix):
        result = f"+{form.country_code}{digits[len(form.national_prefix) :]}"
    else:
        result = f"+{form.country_code}{digits}"
    return result if is_e164(result) else None


def from_e164(number: str, form: NumberFormat) -> str:
    """An E.164 number as this trunk wants it written; anything else is passed as it is."""
    if not is_e164(number):
        return number
    if form.style == "e164":
        return form.add_prefix + number
    digits = number[1:]
    if form.style == "national" and digits.startswith(form.country_code):
        return f"{form.add_prefix}{form.national_prefix}{digits[len(form.country_code) :]}"
    if form.style == "national":
        return f"{form.add_prefix}{form.international_prefix}{digits}"
    return form.add_prefix + digits


_TWO_DIGIT_CODE = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
"""Country codes of two digits; 37, 38, 42 and the rest begin those of three."""


def region_of(number: str) -> tuple[str | None, str | None]:
    """Country code (ITU-T E.164 annex) and, of +1, area code; None for what is no E.164 number."""
    if not is_e164(number):
        return None, None
    if number[1] == "1":
        return "1", number[2:5] if len(number) == 12 else None
    if number[1] == "7":
        return "7", None
    return number[1:3] if _TWO_DIGIT_CODE.match(number[1:]) else number[1:4], None
