"""What somebody tells to be found by: a telephone number or an e-mail address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers

_EMAIL = re.compile(
    r"[^@\s<>\",;:\\()\[\]]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?", re.IGNORECASE
)
_MOST = 254
_NEVER_CALLED = frozenset(
    {
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.PAGER,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)
"""A call to them costs whoever calls more than a call, or reaches no person."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A number in E.164, or an e-mail address in lower case."""

    kind: Literal["e164", "email"]
    text: str


def parse_contact(told: str) -> Contact | None:
    """None where it is neither, or a number that is never called. A number without a country is one
    of the US."""
    text = told.strip()
    if not text or len(text) > _MOST or not text.isprintable():
        return None
    if "@" in text:
        return Contact("email", text.lower()) if _EMAIL.fullmatch(text) else None
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    if phonenumbers.number_type(number) in _NEVER_CALLED:
        return None
    return Contact("e164", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
