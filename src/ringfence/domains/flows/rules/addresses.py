"""Addresses that a flow may name: numbers, SIP URIs, URLs, countries."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import phonenumbers

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_uri

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_VISIBLE = re.compile(r"[!-~]+")
_COUNTRY = re.compile(r"[A-Z]{2}")


def is_e164(text: str) -> bool:
    """``+`` and 7 to 15 digits (ITU-T E.164)."""
    return _E164.fullmatch(text) is not None


def is_sip_uri(text: str) -> bool:
    """A SIP or SIPS URI (RFC 3261 section 19.1) of at most 255 characters."""
    if len(text) > 255 or not _VISIBLE.fullmatch(text) or set(text) & set('<>"'):
        return False
    try:
        return bool(parse_uri(text).host)
    except SipError:
        return False


def is_url(text: str) -> bool:
    """An http or https URL with a host and without credentials, of at most 2000 characters. Where
    it may lead is decided when it is fetched."""
    if len(text) > 2000 or not _VISIBLE.fullmatch(text) or set(text) & set('<>"{}\\^`|'):
        return False
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and parts.port != 0
        )
    except ValueError:
        return False


def is_country(text: str) -> bool:
    """A country by ISO 3166-1 alpha-2 that has telephone numbers."""
    return _COUNTRY.fullmatch(text) is not None and text in phonenumbers.SUPPORTED_REGIONS
