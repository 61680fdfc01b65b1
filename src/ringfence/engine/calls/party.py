"""Who calls whom: numbers out of an INVITE, and where a target is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ringfence.engine.ports import NumberFormat, TrunkConfig
from ringfence.engine.signalling.numbers import WITHHELD, from_e164, to_e164
from ringfence.engine.signalling.transport import Flow
from ringfence.engine.verbs.model import DeviceTarget, DialTarget, TrunkTarget
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Request
from ringfence.protocols.sip.uri import parse_uri, unescape_user

PLAIN_USER = re.compile(r"[A-Za-z0-9_.+*#-]{1,64}")
_HOLD = re.compile(rb"^(?:a=(?:sendonly|inactive)|c=IN IP4 0\.0\.0\.0)[ \t]*\r?$", re.MULTILINE)


def caller_of(request: Request, form: NumberFormat) -> tuple[str, str]:
    """``(number, text)`` of the calling party: E.164 or empty, and what may be shown or empty.

    Withheld (From anonymous, or a Privacy header that asks for it, RFC 3323) gives two empties.
    """
    privacy = (request.headers.get("privacy") or "none").lower()
    try:
        uri = request.from_.uri
        user = unescape_user(uri.user)
    except SipError:
        return "", ""
    if user.lower() in WITHHELD or uri.host.endswith(".invalid") or privacy not in ("none", ""):
        return "", ""
    number = to_e164(user, form)
    if number is not None:
        return number, number
    return "", user if PLAIN_USER.fullmatch(user) else ""


def target_of(request: Request, form: NumberFormat) -> str:
    """The called number in E.164, or the user part as it came when it is no number.

    Raises SipError for a Request-URI that cannot be read.
    """
    user = unescape_user(parse_uri(request.uri).user)
    return to_e164(user, form) or user[:64]


def called_of(target: DialTarget) -> str:
    """E.164 or the URI's user part of what is dialled, for the record."""
    if isinstance(target, TrunkTarget):
        return target.number
    if isinstance(target, DeviceTarget):
        return target.username
    try:
        return parse_uri(target.uri).user
    except SipError:
        return ""  # it will not be dialled


def is_hold(sdp: bytes) -> bool:
    """Whether an offer puts us on hold (RFC 3264 8.4, and the old 0.0.0.0)."""
    return _HOLD.search(sdp) is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is: what to write into the INVITE and where to send it."""

    uri: str
    host: str
    port: int
    transport: str
    trunk: TrunkConfig | None
    flow: Flow | None = None
    """The way that a registered device is reached by."""

    def present(self, caller: str) -> str:
        """The calling number as this place wants it written."""
        return from_e164(caller, self.trunk.format) if self.trunk is not None else caller
