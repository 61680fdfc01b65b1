"""Dialogs (RFC 3261 section 12) and where their requests go."""

from __future__ import annotations

import pytest

from ringfence.protocols.sip.dialog import Dialog, hop_of, route
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Headers, Request, Response, parse_message
from ringfence.protocols.sip.uri import parse_uri

INVITE = (
    "INVITE sip:bob@biloxi.example SIP/2.0\r\n"
    "Via: SIP/2.0/UDP p2.example;branch=z9hG4bK2\r\n"
    "Via: SIP/2.0/UDP p1.example;branch=z9hG4bK1\r\n"
    "Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\r\n"
    "From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
    "To: Bob <sip:bob@biloxi.example>\r\n"
    "Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\nMax-Forwards: 68\r\n"
    "{contact}Content-Length: 0\r\n\r\n"
)
OK = (
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bKnashds8\r\n"
    "Record-Route: <sip:p2.example;lr>\r\nRecord-Route: <sip:p1.example;lr>\r\n"
    "From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
    "To: Bob <sip:bob@biloxi.example>{tag}\r\n"
    "Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\n{contact}Content-Length: 0\r\n\r\n"
)


def invite(contact: str = "Contact: <sip:alice@pc33.atlanta.example>\r\n") -> Request:
    message = parse_message(INVITE.format(contact=contact).encode())
    assert isinstance(message, Request)
    return message


def ok(
    contact: str = "Contact: <sip:bob@192.0.2.4:5070>\r\n", tag: str = ";tag=a6c85cf"
) -> Response:
    message = parse_message(OK.format(contact=contact, tag=tag).encode())
    assert isinstance(message, Response)
    return message


def fields(request: Request) -> list[tuple[str, str]]:
    return list(request.headers)


def test_uas_keeps_the_order_of_record_route() -> None:
    dialog = Dialog.from_request(invite(), "a6c85cf")
    assert dialog.route_set == ("<sip:p2.example;lr>", "<sip:p1.example;lr>")
    assert (dialog.local_tag, dialog.remote_tag) == ("a6c85cf", "1928301774")
    assert dialog.remote_target == "sip:alice@pc33.atlanta.example"
    bye = dialog.request("BYE")
    assert (bye.method, bye.uri) == ("BYE", "sip:alice@pc33.atlanta.example")
    assert fields(bye) == [
        ("Max-Forwards", "70"),
        ("Route", "<sip:p2.example;lr>"),
        ("Route", "<sip:p1.example;lr>"),
        ("From", "Bob <sip:bob@biloxi.example>;tag=a6c85cf"),
        ("To", "Alice <sip:alice@atlanta.example>;tag=1928301774"),
        ("Call-ID", "a84b4c76e66710"),
        ("CSeq", "1 BYE"),
    ]
    assert dialog.next_hop() == ("p2.example", 5060, "udp")


def test_uac_reverses_record_route() -> None:
    dialog = Dialog.from_response(invite(), ok())
    assert dialog.route_set == ("<sip:p1.example;lr>", "<sip:p2.example;lr>")
    assert (dialog.local_tag, dialog.remote_tag) == ("1928301774", "a6c85cf")
    ack = dialog.request("ACK", cseq=314159)
    assert (ack.uri, ack.cseq) == ("sip:bob@192.0.2.4:5070", (314159, "ACK"))
    assert dialog.request("BYE").cseq == (314160, "BYE")
    assert dialog.request("BYE").cseq == (314161, "BYE")
    assert dialog.request("ACK", cseq=314159).cseq == (314159, "ACK")
    assert dialog.local_cseq == 314161
    assert dialog.next_hop() == ("p1.example", 5060, "udp")


def test_responses_copy_what_must_be_copied() -> None:
    # 8.2.6.2
    request = invite()
    response = request.response(180, to_tag="x")
    assert response.headers.get_all("via") == request.headers.get_all("via")
    assert response.headers.get("to") == "Bob <sip:bob@biloxi.example>;tag=x"
    assert response.headers.get("from") == request.headers.get("from")
    assert (response.call_id, response.cseq) == ("a84b4c76e66710", (314159, "INVITE"))
    assert response.reason == "Ringing"
    tagged = parse_message(OK.format(contact="", tag=";tag=t").encode().replace(
        b"SIP/2.0 200 OK", b"INVITE sip:a@b SIP/2.0"))  # fmt: skip
    assert isinstance(tagged, Request)
    assert tagged.response(200, to_tag="other").to.tag == "t"


@pytest.mark.parametrize("contact", ["Contact: *\r\n", "Contact: <sip:>\r\n"])
def test_an_invite_without_usable_contact_makes_no_dialog(contact: str) -> None:
    with pytest.raises(SipError) as caught:
        Dialog.from_request(invite(contact), "t")
    assert caught.value.status == 400


@pytest.mark.parametrize("contact", ["", "Contact: \r\n"])
def test_without_contact_the_peer_is_where_it_says_it_is_from(contact: str) -> None:
    """As RFC 2543 clients are (RFC 4475 3.4.1)."""
    request = invite(contact)
    assert Dialog.from_request(request, "t").remote_target == request.from_.uri_text


@pytest.mark.parametrize("uri", ["<sip:>", "<>", "garbage", "<mailto:a@b>", "<sip:a b@c>"])
def test_unusable_record_routes_are_refused_before_there_is_a_dialog(uri: str) -> None:
    request = invite()
    request.headers.set("Record-Route", f"<sip:p1.example;lr>, {uri}")
    with pytest.raises(SipError):
        Dialog.from_request(request, "t")


def test_answers_without_tag_or_with_bad_contact() -> None:
    with pytest.raises(SipError):
        Dialog.from_response(invite(), ok(tag=""))
    with pytest.raises(SipError):
        Dialog.from_response(invite(), ok("Contact: <mailto:bob@b>\r\n"))
    assert Dialog.from_response(invite(), ok("")).remote_target == "sip:bob@biloxi.example"


def test_strict_router() -> None:
    # 12.2.1.1: its URI becomes the Request-URI, the target goes to the end of Route
    target = "sip:user@remoteua"
    routes = ("<sip:proxy1>", "<sip:proxy2;lr>", "<sip:proxy3;lr>")
    assert route(target, routes) == (
        "sip:proxy1", ("<sip:proxy2;lr>", "<sip:proxy3;lr>", "<sip:user@remoteua>"),
    )  # fmt: skip
    assert route(target, ()) == (target, ())
    assert route(target, ("<sip:p;lr>", "<sip:strict>")) == (target, ("<sip:p;lr>", "<sip:strict>"))
    assert route(target, ("<sip:proxy1?X=1>",)) == ("sip:proxy1", ("<sip:user@remoteua>",))
    dialog = Dialog(
        call_id="c", local="<sip:a@b>;tag=1", remote="<sip:c@d>;tag=2", remote_target=target,
        route_set=routes, local_cseq=0, remote_cseq=None,
    )  # fmt: skip
    assert dialog.request("BYE").uri == "sip:proxy1"
    assert dialog.next_hop() == ("proxy1", 5060, "udp")


def test_cseq_rules() -> None:
    # 12.2.2
    dialog = Dialog.from_request(invite(), "t")

    def arrives(number: int) -> bool:
        return dialog.in_order(Request("INFO", "sip:b", Headers([("CSeq", f"{number} INFO")])))

    assert not arrives(314159)
    assert not arrives(1)
    assert arrives(314160)
    assert not arrives(314160)
    assert arrives(400000)
    assert not arrives(399999)
    ours = Dialog.from_response(invite(), ok())
    assert ours.remote_cseq is None
    assert ours.in_order(Request("BYE", "sip:b", Headers([("CSeq", "0 BYE")])))
    assert not ours.in_order(Request("BYE", "sip:b", Headers([("CSeq", "0 BYE")])))


def test_target_refresh_leaves_the_route_set() -> None:
    dialog = Dialog.from_request(invite(), "t")
    dialog.refresh_target("sip:alice@192.0.2.77:5088")
    bye = dialog.request("BYE")
    assert bye.uri == "sip:alice@192.0.2.77:5088"
    assert bye.headers.values("route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    dialog.refresh_target(None)
    assert dialog.remote_target == "sip:alice@192.0.2.77:5088"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:a@h", ("h", 5060, "udp")),
        ("sip:a@h:5080;transport=TCP", ("h", 5080, "tcp")),
        ("sip:a@h;transport=tls", ("h", 5061, "tls")),
        ("sips:a@h", ("h", 5061, "tls")),
        ("sips:a@h;transport=tcp", ("h", 5061, "tls")),
        ("sip:a@[2001:db8::1]", ("[2001:db8::1]", 5060, "udp")),
        ("sip:a@h;maddr=192.0.2.1", ("192.0.2.1", 5060, "udp")),
    ],
)
def test_hop(uri: str, expected: tuple[str, int, str]) -> None:
    assert hop_of(parse_uri(uri)) == expected


@pytest.mark.parametrize(
    ("uri", "status"), [("tel:+12125550100", 416), ("sip:", 400), ("x:y", 416)]
)
def test_no_hop(uri: str, status: int) -> None:
    with pytest.raises(SipError) as caught:
        hop_of(parse_uri(uri))
    assert caught.value.status == status
