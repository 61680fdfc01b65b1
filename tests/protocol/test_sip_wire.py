"""SIP messages as phones, carriers and RFC 4475 put them on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Request, Response, parse_message
from ringfence.protocols.sip.uri import parse_uri, unescape_user
from ringfence.protocols.sip.values import parse_name_addr

FIXTURES = Path(__file__).parent / "fixtures" / "sip"


def load(path: str) -> Request | Response:
    return parse_message((FIXTURES / f"{path}.sip").read_bytes())


def request(path: str) -> Request:
    message = load(path)
    assert isinstance(message, Request)
    return message


def summary(message: Request | Response) -> dict[str, Any]:
    via, sender, to = message.via, message.from_, message.to
    found: dict[str, Any] = {
        "via": (via.transport, via.host, via.port),
        "branch": via.branch,
        "cseq": message.cseq,
        "from": (sender.display, sender.uri_text, sender.tag),
        "to": (to.display, to.uri_text, to.tag),
        "call_id": message.call_id,
        "body": len(message.body),
    }
    if message.contact is not None:
        found["contact"] = message.contact.uri_text
    if isinstance(message, Request):
        found["start"] = (message.method, message.uri)
    else:
        found["start"] = (message.status, message.reason)
    return found


EXPECTED: dict[str, dict[str, Any]] = {
    "valid/asterisk_invite": {
        "start": ("INVITE", "sip:+14155550123@198.51.100.7:5060"),
        "via": ("UDP", "192.0.2.10", 5060),
        "branch": "z9hG4bKPj5ae7e2dc-96b4-4d1c-8c1d-4d1a2f7be0d7",
        "cseq": (21463, "INVITE"),
        "from": ("Alice Example", "sip:1001@192.0.2.10", "b0ee8d6a-87d5-4f5c-9a8c-0ad9f2b1c7a4"),
        "to": ("", "sip:+14155550123@198.51.100.7", None),
        "call_id": "4f2bd5a8-2e6c-4a5c-9d0a-6c4c4d5b0e11",
        "contact": "sip:asterisk@192.0.2.10:5060",
        "body": 234,
    },
    "valid/freeswitch_invite": {
        "start": ("INVITE", "sip:14155550123@198.51.100.7;transport=udp"),
        "via": ("UDP", "192.0.2.20", 5080),
        "cseq": (127234105, "INVITE"),
        "from": ("Extension 1000", "sip:1000@192.0.2.20", "3gB83Ztp7B0yD"),
        "to": ("", "sip:14155550123@198.51.100.7;transport=udp", None),
        "contact": "sip:gw+carrier@192.0.2.20:5080;transport=udp;gw=carrier",
        "body": 234,
    },
    "valid/baresip_invite": {
        "start": ("INVITE", "sip:echo@127.0.0.1:5060;transport=tcp"),
        "via": ("TCP", "127.0.0.1", 41822),
        "from": ("Bob", "sip:bob@127.0.0.1", "8a5f0b71d5e1ae22"),
        "contact": "sip:bob-0x55d8a1c92c10@127.0.0.1:41822;transport=tcp",
        "body": 234,
    },
    "valid/linphone_invite": {
        "via": ("TLS", "[2001:db8::9:1]", 5061),
        "from": (
            'Jürgen "JJ" Müller, Dipl.-Ing.',
            "sip:juergen@sip.example.org",
            "VnN5IpFz7",
        ),
        "to": ("", "sip:carol@sip.example.org", None),
        "contact": "sips:juergen@[2001:db8::9:1]:5061;transport=tls",
        "body": 234,
    },
    "valid/carrier_compact": {
        "start": (
            "INVITE",
            "sip:+442079460123;npdi;rn=+442079460000@203.0.113.5:5060;user=phone",
        ),
        "via": ("UDP", "203.0.113.77", 5060),
        "branch": "z9hG4bK0ad1",
        "cseq": (4711, "INVITE"),
        "from": ("", "tel:+12125550147;phone-context=example.com", "gK0c9a4e11"),
        "to": ("", "sip:+442079460123@203.0.113.5;user=phone", None),
        "call_id": "884421_98231@10.1.1.4",
        "contact": (
            "sip:+12125550147@203.0.113.77:5060;transport=UDP;tgrp=E1;trunk-context=example.com"
        ),
        "body": 234,
    },
    "valid/folded_invite": {
        "via": ("UDP", "127.0.0.1", 5062),
        "branch": "z9hG4bKfold",
        "cseq": (1, "INVITE"),
        "from": ("A B", "sip:a@127.0.0.1", "1"),
        "body": 0,
    },
    "valid/strict_route_bye": {
        "start": ("BYE", "sip:old-proxy.example.com"),
        "cseq": (3, "BYE"),
        "to": ("", "sip:bob@example.com", "b2"),
    },
    "valid/escaped_user_register": {
        "cseq": (2147483647, "REGISTER"),
        "contact": "sip:a%40b:secret@192.0.2.3",
    },
    "valid/utf8_ringing": {
        "start": (180, "Es klingelt – bitte warten"),
        "to": ("", "sip:bob@example.com", "b2"),
    },
    "rfc4475/wsinv": {
        "start": ("INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam"),
        "via": ("UDP", "192.0.2.2", None),
        "branch": "390skdjuw",
        "cseq": (9, "INVITE"),
        "from": ('J Rosenberg \\"', "sip:jdrosen@example.com", "98asjd8"),
        "to": ("", "sip:vivekg@chair-dnrc.example.com", "1918181833n"),
        "call_id": "wsinv.ndaksdj@192.0.2.1",
        "contact": "sip:jdrosen@example.com",
        "body": 150,
    },
    "valid/wide_characters": {
        "start": (
            "!interesting-Method0123456789_*+`.%indeed'~",
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
            ":&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        ),
        "via": ("TCP", "host1.example.com", None),
        "branch": "z9hG4bK-.!%66*_+`'~",
        "cseq": (139122385, "!interesting-Method0123456789_*+`.%indeed'~"),
        "from": ("token1~` token2'+_ token3*%!.-", "sip:mundane@example.com", "_token~1'+`*%!-."),
        "call_id": "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
    },
    "rfc4475/esc01": {
        "start": ("INVITE", "sip:sips%3Auser%40example.com@example.net"),
        "from": ("", "sip:I%20have%20spaces@example.net", "938"),
        "contact": "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31",
        "body": 150,
    },
    "rfc4475/escnull": {"to": ("", "sip:null-%00-null@example.com", None)},
    "rfc4475/esc02": {
        "start": ("RE%47IST%45R", "sip:registrar.example.com"),
        "from": ("%Z%45", "sip:resource@example.com", "f232jadfj23"),
        "branch": "z9hG4bK209%fzsnel234",
    },
    "rfc4475/lwsdisp": {"from": ("caller", "sip:caller@example.com", "323")},
    "rfc4475/semiuri": {
        "start": ("OPTIONS", "sip:user;par=u%40example.net@example.com"),
        "from": ("", "sip:caller@example.org", "33242"),
    },
    "rfc4475/transports": {"via": ("UDP", "t1.example.com", None)},
    "rfc4475/unreason": {
        "start": (200, "= 2**3 * 5**2 но сто девяносто девять - простое"),
        "body": 154,
    },
    "rfc4475/noreason": {"start": (100, ""), "cseq": (35, "INVITE")},
    "rfc4475/dblreq": {"start": ("REGISTER", "sip:example.com"), "body": 0},
    "rfc4475/inv2543": {
        "via": ("UDP", "iftgw.example.com", None),
        "branch": None,
        "from": ("", "sip:+13035551111@ift.client.example.net;user=phone", None),
        "to": ("", "sip:+16505552222@ss1.example.net", None),
        "body": 105,
    },
}


@pytest.mark.parametrize("path", sorted(EXPECTED))
def test_accepted(path: str) -> None:
    found = summary(load(path))
    assert {key: found.get(key) for key in EXPECTED[path]} == EXPECTED[path]


@pytest.mark.parametrize("path", sorted(EXPECTED))
def test_serialised_says_the_same(path: str) -> None:
    message = load(path)
    again = parse_message(message.serialise())
    assert summary(again) == summary(message)
    assert [i for i in again.headers if i[0].lower() != "content-length"] == [
        i for i in message.headers if i[0].lower() != "content-length"
    ]


def test_every_accepted_fixture_has_expectations() -> None:
    files = {f"valid/{path.stem}" for path in (FIXTURES / "valid").glob("*.sip")}
    assert files == {name for name in EXPECTED if name.startswith("valid/")}


@pytest.mark.parametrize("path", sorted(p.stem for p in (FIXTURES / "invalid").glob("*.sip")))
def test_refused(path: str) -> None:
    with pytest.raises(SipError) as caught:
        load(f"invalid/{path}")
    assert caught.value.status == 400


def test_there_are_invalid_fixtures() -> None:
    assert len(list((FIXTURES / "invalid").glob("*.sip"))) >= 12


def test_unknown_schemes_are_416() -> None:
    # RFC 4475 3.3.2 and 3.3.3
    for uri in ("nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002"):
        with pytest.raises(SipError) as caught:
            parse_uri(uri)
        assert caught.value.status == 416


def test_lists_and_repeated_lines_are_one_list() -> None:
    transports = load("rfc4475/transports")
    assert [v.split()[0] for v in transports.headers.values("Via")] == [
        "SIP/2.0/UDP", "SIP/2.0/SCTP", "SIP/2.0/TLS", "SIP/2.0/UNKNOWN", "SIP/2.0/TCP",
    ]  # fmt: skip
    carrier = load("valid/carrier_compact")
    assert carrier.headers.values("record-route") == [
        "<sip:203.0.113.77;lr;ftag=gK0c9a4e11>", "<sip:10.1.1.4;lr>",
    ]  # fmt: skip
    assert carrier.headers.get("SUPPORTED") == "100rel,timer"
    assert len(load("valid/linphone_invite").headers.values("contact")) == 1
    register = load("valid/escaped_user_register")
    assert [parse_name_addr(v).display for v in register.headers.values("contact")] == ["", "x\\"]
    assert load("rfc4475/esc02").headers.values("contact") == [
        "<sip:alias1@host1.example.com>", "<sip:alias3@host3.example.com>",
    ]  # fmt: skip


def test_header_parameters() -> None:
    contact = load("valid/baresip_invite").contact
    assert contact is not None
    assert contact.params == {
        "+sip.instance": "<urn:uuid:82b9a3d0-8d51-4a2c-9d6c-1f0a5e7c2b11>",
    }
    contact = load("rfc4475/wsinv").contact
    assert contact is not None
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    via = load("valid/escaped_user_register").via
    assert (via.params["rport"], via.params["received"]) == ("5071", "192.0.2.99")
    assert load("valid/folded_invite").headers.get("subject") == "first second third"


def test_users() -> None:
    assert unescape_user(load("valid/escaped_user_register").from_.uri.user) == "+1 415"
    assert parse_uri(request("rfc4475/esc01").uri).user == "sips%3Auser%40example.com"
    assert unescape_user(load("rfc4475/esc01").to.uri.user) == "user"
    carrier = parse_uri(request("valid/carrier_compact").uri)
    assert carrier.user == "+442079460123;npdi;rn=+442079460000"
    assert unescape_user(carrier.user) == "+442079460123"
    assert (carrier.host, carrier.port, carrier.params) == ("203.0.113.5", 5060, {"user": "phone"})
    assert parse_uri(request("rfc4475/semiuri").uri).user == "user;par=u%40example.net"
    with pytest.raises(SipError):
        unescape_user(load("rfc4475/escnull").to.uri.user)
    with pytest.raises(SipError):
        unescape_user("a%0d%0aInjected:%201")


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "params", "headers"),
    [
        ("sip:alice@atlanta.com", "alice", "atlanta.com", None, {}, ""),
        ("sip:alice:pw@atlanta.com;transport=tcp", "alice", "atlanta.com", None,
         {"transport": "tcp"}, ""),
        ("sips:alice@atlanta.com?subject=project%20x&priority=urgent", "alice", "atlanta.com",
         None, {}, "subject=project%20x&priority=urgent"),
        ("sip:+1-212-555-1212:1234@gateway.com;user=phone", "+1-212-555-1212", "gateway.com",
         None, {"user": "phone"}, ""),
        ("SIP:atlanta.com;method=REGISTER?to=alice%40atlanta.com", "", "atlanta.com", None,
         {"method": "REGISTER"}, "to=alice%40atlanta.com"),
        ("sip:alice;day=tuesday@atlanta.com", "alice;day=tuesday", "atlanta.com", None, {}, ""),
        ("sip:a@[2001:db8::1]:5070;lr", "a", "[2001:db8::1]", 5070, {"lr": None}, ""),
        ("sip:a@my_host:65535", "a", "my_host", 65535, {}, ""),
        ("tel:+1-201-555-0123", "+1-201-555-0123", "", None, {}, ""),
        ("tel:7042;phone-context=example.com", "7042", "", None,
         {"phone-context": "example.com"}, ""),
    ],
)  # fmt: skip
def test_uris(
    text: str, user: str, host: str, port: int | None, params: dict[str, Any], headers: str
) -> None:
    # the first six stand in RFC 3261 19.1.3, the telephone URIs in RFC 3966 6
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)
    assert (uri.params, uri.headers) == (params, headers)
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "", "sip", "sip:", "sip:@host", "sip:a@", "sip:a@host:", "sip:a@host:0", "sip:a@host:65536",
        "sip:a@host:٥٠٦٠", "sip:a@host:" + "1" * 5000, "sip:a@[::1", "sip:a@[::1]5060",
        "sip:a@[zz]", "sip:a@b@c", "sip:a@-host", "sip:a\x00@h", "sip:a b@h", "sip:a@h;x=y z",
        "sip:a@h\r\nX: 1", "tel:", "tel:+", "tel:alice", "tel:٠١٢", "1sip:a@h", "sip:\udcff@h",
    ],
)  # fmt: skip
def test_malformed_uris(text: str) -> None:
    with pytest.raises(SipError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "text",
    [
        "", "<>", "<sip:a@b", '"a', '"a" sip:b@c', "<sip:a@b>x", "<sip:a b@c>",
        "sip:a@b?Route=%3Csip:c%3E", "<<sip:a@b>",
    ],
)  # fmt: skip
def test_malformed_addresses(text: str) -> None:
    with pytest.raises(SipError):
        parse_name_addr(text)


def test_quoted_pairs_of_any_character_are_resolved() -> None:
    assert parse_name_addr(r'"\B\o\\b\"" <sip:b@h>').display == 'Bo\\b"'
