"""A dialog: what both ends agreed on and how requests inside it look (RFC 3261 section 12)."""

from __future__ import annotations

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Headers, Message, Request, Response
from ringfence.protocols.sip.uri import SipUri, parse_hostport, parse_uri
from ringfence.protocols.sip.values import parse_name_addr


class Dialog:
    """State of one dialog of ours. ``local`` and ``remote`` are From/To values with their tags."""

    __slots__ = (
        "call_id", "confirmed", "local", "local_cseq", "local_tag", "remote", "remote_cseq",
        "remote_tag", "remote_target", "route_set",
    )  # fmt: skip

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        remote: str,
        remote_target: str,
        route_set: tuple[str, ...],
        local_cseq: int,
        remote_cseq: int | None,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.local_tag = parse_name_addr(local).tag or ""
        self.remote_tag = parse_name_addr(remote).tag or ""
        self.remote_target = remote_target
        self.route_set = route_set
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.confirmed = False

    @classmethod
    def from_request(cls, request: Request, local_tag: str) -> Dialog:
        """The dialog that our answer to this INVITE makes (12.1.1). Raises SipError."""
        contact = request.contact or request.from_  # of RFC 2543 clients, which may leave it out
        _ = contact.uri
        return cls(
            call_id=request.call_id,
            local=f"{request.headers.get('to')};tag={local_tag}",
            remote=request.headers.get("from") or "",
            remote_target=contact.uri_text,
            route_set=_route_set(request),
            local_cseq=0,
            remote_cseq=request.cseq[0],
        )

    @classmethod
    def from_response(cls, request: Request, response: Response) -> Dialog:
        """The dialog that this response to our INVITE makes (12.1.2). Raises SipError."""
        contact = response.contact
        if response.to.tag is None:
            raise SipError("response without To tag")
        target = request.uri
        if contact is not None and contact.uri:
            target = contact.uri_text
        return cls(
            call_id=request.call_id,
            local=request.headers.get("from") or "",
            remote=response.headers.get("to") or "",
            remote_target=target,
            route_set=_route_set(response)[::-1],
            local_cseq=request.cseq[0],
            remote_cseq=None,
        )

    def request(self, method: str, *, cseq: int | None = None) -> Request:
        """A request inside the dialog (12.2.1.1), without Via yet; ACK takes the INVITE's CSeq."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = route(self.remote_target, self.route_set)
        headers = Headers([("Max-Forwards", "70")])
        for value in routes:
            headers.add("Route", value)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{cseq} {method}")
        return Request(method, uri, headers)

    def next_hop(self) -> tuple[str, int, str]:
        """``(host, port, transport)`` that requests inside the dialog go to (8.1.2).

        The first of the route set, loose or strict, else the remote target. Raises SipError.
        """
        if self.route_set:
            return hop_of(parse_name_addr(self.route_set[0]).uri)
        return hop_of(parse_uri(self.remote_target))

    def in_order(self, request: Request) -> bool:
        """Whether a request's CSeq is newer than all before it (12.2.2); remembers it if so."""
        number = request.cseq[0]
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh_target(self, contact_uri: str | None) -> None:
        """A re-INVITE or its 2xx names a new Contact (12.2)."""
        if contact_uri:
            self.remote_target = contact_uri


def _route_set(message: Message) -> tuple[str, ...]:
    values = message.headers.values("record-route")
    for value in values:
        _ = parse_name_addr(value).uri
    return tuple(values)


def route(target: str, route_set: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Request-URI and Route values for a target and its route set (12.2.1.1).

    Before a strict router its own URI becomes the Request-URI (without header fields, which may not
    stand there) and the target the last Route.
    """
    if not route_set:
        return target, ()
    first = parse_name_addr(route_set[0])
    if first.uri.loose_route:
        return target, route_set
    uri = first.uri_text
    if first.uri.headers:
        uri = uri.removesuffix(f"?{first.uri.headers}")
    return uri, (*route_set[1:], f"<{target}>")


def hop_of(uri: SipUri) -> tuple[str, int, str]:
    """``(host, port, transport)`` that a URI names (8.1.2, defaults of 19.1.2). Raises SipError."""
    if uri.scheme == "tel":
        raise SipError("a tel URI names no host", 416)
    transport = uri.transport or ("tls" if uri.scheme == "sips" else "udp")
    if uri.scheme == "sips":
        transport = {"tcp": "tls", "ws": "wss"}.get(transport, transport)
    secure = transport in ("tls", "wss")
    maddr = uri.params.get("maddr")
    host = parse_hostport(maddr)[0] if maddr else uri.host
    return host, uri.port or (5061 if secure else 5060), transport
