"""Telephone numbers and dial targets: parsing, validation, and how targets are stored."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import phonenumbers

from ringfence.domains.numbers.contracts import DialTarget, InvalidNumber, SipDial, TrunkDial
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_uri

_NO_SIP_URI = re.compile(r"[^!-~]|[<>\"?]")
"""Headers of a URI are not dialled (RFC 3261 19.1.1)."""


def refuse(field: str, problem: str) -> InvalidNumber:
    return InvalidNumber(f"{field}: {problem}", details={"field": field})


def e164(field: str, text: str) -> str:
    """``+`` and digits of a possible telephone number. Raises InvalidNumber."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise refuse(field, "is a number like +15551234567") from None
    if not phonenumbers.is_possible_number(number):
        raise refuse(field, "has not as many digits as numbers of its country have")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def checked_targets(targets: tuple[DialTarget, ...]) -> tuple[DialTarget, ...]:
    """The targets with numbers in E.164. Raises InvalidNumber."""
    if len(targets) > 20:
        raise refuse("dial", "has at most 20 targets")
    return tuple(_checked(target) for target in targets)


def _checked(target: DialTarget) -> DialTarget:
    if isinstance(target, TrunkDial):
        return TrunkDial(target.trunk_id, e164("dial", target.number))
    if not _is_sip_uri(target.uri):
        raise refuse("dial", "a SIP target is like sip:user@host")
    return target


def _is_sip_uri(text: str) -> bool:
    if len(text) > 255 or _NO_SIP_URI.search(text):
        return False
    try:
        uri = parse_uri(text)
    except SipError:
        return False
    return uri.scheme != "tel" and bool(uri.host)


def store_targets(targets: tuple[DialTarget, ...]) -> list[dict[str, str]]:
    """As written to Number.dial."""
    return [
        {"trunk": target.trunk_id.hex, "number": target.number}
        if isinstance(target, TrunkDial)
        else {"sip": target.uri}
        for target in targets
    ]


def load_targets(stored: list[dict[str, Any]]) -> tuple[DialTarget, ...]:
    """Inverse of ``store_targets``."""
    return tuple(
        SipDial(item["sip"]) if "sip" in item else TrunkDial(UUID(item["trunk"]), item["number"])
        for item in stored
    )
