"""What is wrong with a request whoever sent it: the checks of RFC 3261 section 8.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ringfence.protocols.sip.digest import is_digest
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.malformed import answer_malformed
from ringfence.protocols.sip.message import METHODS, Request, Response, parse_message
from ringfence.protocols.sip.uri import parse_uri
from ringfence.protocols.sip.values import BRANCH_COOKIE, parse_name_addr

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"
SDP = "application/sdp"
_REGISTRAR = "REGISTER"
_SERVED = frozenset((*ALLOW.split(", "), _REGISTRAR))
_SDP_ACCEPTED = frozenset((SDP, "application/*", "*/*"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message by itself: not of who sent it, nor of dialogs that it may be in."""

    verdict: Literal["accepted", "rejected", "ignored"]
    status: int | None = None
    """Of the response that a rejected request gets."""
    reason: str = ""


def judge(data: bytes) -> Verdict:
    """The verdict on one message as it came, such as a datagram."""
    try:
        message = parse_message(data)
    except SipError as error:
        answer = answer_malformed(data, error)
        if answer is None:
            return Verdict("ignored", None, error.reason)
        return Verdict("rejected", answer.status, error.reason)
    if isinstance(message, Response):
        if misrouted(message):
            return Verdict("ignored", None, "a response for somebody behind us")
        return Verdict("accepted")
    if message.method == "ACK":
        return Verdict("accepted")
    credentials = message.headers.get("authorization")
    if credentials is not None and not is_digest(credentials):
        return Verdict("rejected", 401, "credentials of another scheme than Digest")
    refused = refusal(message)
    return Verdict("accepted") if refused is None else _rejected(refused)


def _rejected(answer: Response) -> Verdict:
    return Verdict("rejected", answer.status, answer.reason)


def misrouted(response: Response) -> bool:
    """Whether a response has further to go than to us, who have put one Via there (8.1.3.3)."""
    return len(response.headers.values("via")) > 1


def refusal(request: Request) -> Response | None:
    """The answer to a request, of no dialog yet, that nobody need look at further."""
    if request.method not in _SERVED:
        response = request.response(405 if request.method in METHODS else 501)
        response.headers.add("Allow", ALLOW)
        return response
    try:
        if parse_uri(request.uri).headers:
            return request.response(400, "Header fields in the Request-URI")
        if request.method == "INVITE":
            _check_addresses(request)
        elif request.method == _REGISTRAR:
            _check_registration(request)
    except SipError as error:
        return request.response(error.status, error.reason if error.status == 400 else "")
    required = request.headers.values("require")
    if required:
        response = request.response(420)
        response.headers.add("Unsupported", ", ".join(required))
        return response
    return _refused_invite(request) if request.method == "INVITE" else None


def _check_addresses(request: Request) -> None:
    """Raises SipError. An RFC 2543 client, which has no branch either, may leave Contact out."""
    contact = request.contact
    if contact is not None:
        _ = contact.uri
    elif (request.via.branch or "").startswith(BRANCH_COOKIE):
        raise SipError("missing Contact")
    for value in request.headers.values("record-route"):
        _ = parse_name_addr(value).uri


def _check_registration(request: Request) -> None:
    """Raises SipError. Whose address of record it is must be a SIP URI (10.3)."""
    if not request.to.uri_text.lower().startswith(("sip:", "sips:")):
        raise SipError("an address of record that is no SIP URI")
    for value in request.headers.values("contact"):
        if value != "*":
            parse_name_addr(value)


def _refused_invite(request: Request) -> Response | None:
    hops = request.headers.get("max-forwards") or "70"
    if not (hops.isascii() and hops.isdigit()) or len(hops.lstrip("0")) > 3:
        return request.response(400, "malformed Max-Forwards")
    if int(hops) == 0:
        return request.response(483)
    content = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    encoded = (request.headers.get("content-encoding") or "identity").strip().lower() != "identity"
    if request.body and (content != SDP or encoded):
        response = request.response(415)
        response.headers.add("Accept", SDP)
        return response
    accepted = request.headers.values("accept")
    types = {value.partition(";")[0].strip().lower() for value in accepted}
    if accepted and not types & _SDP_ACCEPTED:
        return request.response(406)
    return None
