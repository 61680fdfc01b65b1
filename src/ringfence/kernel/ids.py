"""Identifiers: UUIDv7 inside, a two-letter type prefix and 32 hex digits in every public API."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from uuid import UUID

from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import InvalidInput


class Prefix(StrEnum):
    """Type prefix of a public id."""

    TENANT = "AC"
    API_KEY = "SK"
    TRUNK = "TK"
    NUMBER = "PN"
    CALL = "CA"
    LEG = "LG"
    ERASURE = "ER"
    HOLD = "HO"
    RECORDING = "RE"
    PERSON = "PE"
    USE = "AU"
    LEDGER_ENTRY = "LE"
    RATE_DECK = "RD"
    RATE = "RA"
    UNRATED = "UR"
    FLOW = "FW"
    TARGET = "TG"
    PROMPT = "PM"
    DEVICE = "DV"
    WEBHOOK = "WH"
    DELIVERY = "WD"
    USER = "US"
    MEMBER = "ME"
    INVITATION = "IN"
    ROLE = "RO"
    ACCESS_GRANT = "AG"
    OAUTH_CLIENT = "OC"
    REQUEST = "RQ"
    CPNI_CASE = "CP"
    CPNI_CONTACT = "CR"
    CPNI_NOTICE = "CN"
    SSO_CONNECTION = "SO"
    RIGHTS_REQUEST = "RR"
    CONSENT = "CO"
    WORDING = "CW"
    SENT = "ST"


class InvalidId(InvalidInput):
    """The text is no id of the expected type."""

    code = "invalid_id"


_HEX32 = re.compile(r"[0-9a-f]{32}")
_PREFIXES = frozenset(prefix.value for prefix in Prefix)


def uuid7(clock: Clock) -> UUID:
    """New UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits."""
    millis = clock.micros() // 1000
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def uuid7_floor(millis: int) -> UUID:
    """Smallest UUIDv7 of a millisecond: the lower bound of a time range over ids."""
    return UUID(int=(millis & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | 0x2 << 62)


def uuid7_millis(value: UUID) -> int:
    """Milliseconds since the Unix epoch that a UUIDv7 was made at."""
    return value.int >> 80


def uuid7_day(value: UUID) -> int:
    """UTC day (since 1970-01-01) in which a UUIDv7 was made."""
    return uuid7_millis(value) // 86_400_000


def public_id(prefix: Prefix, value: UUID) -> str:
    """``CA`` + 32 hex digits."""
    return f"{prefix.value}{value.hex}"


def is_public_id(text: object) -> bool:
    """Whether it is the public id of anything."""
    return (
        isinstance(text, str) and text[:2] in _PREFIXES and _HEX32.fullmatch(text[2:]) is not None
    )


def parse_public_id(prefix: Prefix, text: str) -> UUID:
    """The UUID of a public id. Raises InvalidId for another type or a malformed text."""
    if text[:2] != prefix.value or not _HEX32.fullmatch(text[2:]):
        raise InvalidId(f"expected an id like {prefix.value} followed by 32 hex digits")
    return UUID(hex=text[2:])
