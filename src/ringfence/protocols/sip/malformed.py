"""The answer to a request that cannot be parsed, from what of it can be read (RFC 3261 8.2.6)."""

from __future__ import annotations

import re

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import (
    COMPACT,
    FOLD,
    MAX_HEADERS,
    METHODS,
    REASONS,
    TOKEN,
    Headers,
    Response,
)

_COPIED = {"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def answer_malformed(data: bytes, error: SipError) -> Response | None:
    """What somebody is told whose request is malformed; None where nothing can be said: to a
    response, to an ACK, and where no method, Via or CSeq is found.

    A method that no RFC knows gets 501 whatever else is wrong (RFC 4475 3.1.2.18).
    """
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    start, _, fields = FOLD.sub(" ", head).partition("\r\n")
    method = start.partition(" ")[0]
    if not TOKEN.fullmatch(method) or method == "ACK":
        return None  # a status line begins with SIP/2.0, which is no token
    headers = Headers()
    for line in fields.split("\r\n", MAX_HEADERS)[:MAX_HEADERS]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        name = _COPIED.get(COMPACT.get(name, name).lower(), "")
        if name and not _UNSAFE.search(value) and (name == "Via" or name not in headers):
            headers.add(name, value.strip())
    if "via" not in headers or "cseq" not in headers:
        return None
    status = 501 if error.status == 400 and method not in METHODS else error.status
    reason = f"{error.reason[:1].upper()}{error.reason[1:]}" if status == 400 else REASONS[status]
    return Response(status, reason, headers)
