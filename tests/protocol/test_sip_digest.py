"""Digest authentication against published vectors, and what a peer may try with it."""

from __future__ import annotations

import dataclasses

import pytest

from ringfence.protocols.sip.digest import (
    Challenge,
    Credentials,
    answer,
    ha1,
    parse_challenge,
    parse_credentials,
)
from ringfence.protocols.sip.errors import SipError

# RFC 7616 section 3.9.1
REALM = "http-auth@example.org"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def authorization(algorithm: str) -> str:
    return (
        f'Digest username="Mufasa", realm="{REALM}", uri="/dir/index.html", '
        f'algorithm={algorithm}, nonce="{NONCE}", nc=00000001, cnonce="{CNONCE}", qop=auth, '
        f'response="{RESPONSES[algorithm]}", opaque="{OPAQUE}"'
    )


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_rfc_7616_3_9_1(algorithm: str) -> None:
    secret = ha1("Mufasa", REALM, "Circle of Life", algorithm)
    credentials = parse_credentials(authorization(algorithm))
    assert credentials.verify(secret, "GET")
    assert not credentials.verify(secret, "POST")
    assert not credentials.verify(ha1("Mufasa", REALM, "circle of life", algorithm), "GET")
    for change in ("nonce", "uri", "cnonce", "nc", "response"):
        assert not dataclasses.replace(credentials, **{change: "00000002"}).verify(secret, "GET")

    challenge = parse_challenge(
        f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{NONCE}", opaque="{OPAQUE}"'
    )
    ours = answer(
        challenge, username="Mufasa", password="Circle of Life", method="GET",
        uri="/dir/index.html", cnonce=CNONCE,
    )  # fmt: skip
    assert ours.response == RESPONSES[algorithm]
    assert parse_credentials(str(ours)) == ours == credentials


def test_rfc_2617_3_5() -> None:
    credentials = parse_credentials(
        'Digest username="Mufasa", realm="testrealm@host.com", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, '
        'nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert credentials.verify(ha1("Mufasa", "testrealm@host.com", "Circle Of Life"), "GET")


def test_without_qop_as_in_rfc_2069() -> None:
    # the example of RFC 2069 section 2.4 with the response that its erratum 749 gives
    challenge = parse_challenge(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert (challenge.qop, challenge.algorithm, challenge.stale) == (None, "MD5", False)
    ours = answer(
        challenge, username="Mufasa", password="CircleOfLife", method="GET",
        uri="/dir/index.html", cnonce="unused",
    )  # fmt: skip
    assert ours.response == "1949323746fe6a43ef61f9606e7febea"
    assert "qop" not in str(ours) and "cnonce" not in str(ours)
    assert parse_credentials(str(ours)) == ours


def test_challenge_round_trip() -> None:
    for challenge in (
        Challenge("a realm", "n"),
        Challenge('with "quotes" and \\', "n;o,n=ce", "SHA-256", None, "", stale=True),
    ):
        assert parse_challenge(str(challenge)) == challenge


def test_what_a_peer_sends_cannot_break_out_of_its_quotes() -> None:
    challenge = parse_challenge(r'Digest realm="x\", uri=\"sip:evil", nonce="n"')
    credentials = parse_credentials(
        str(answer(challenge, username='a"b\\', password="p", method="INVITE",
                   uri="sip:good", cnonce="c"))
    )  # fmt: skip
    assert credentials.uri == "sip:good"
    assert credentials.realm == 'x", uri="sip:evil'
    assert credentials.username == 'a"b\\'


def test_undecodable_bytes_in_a_response_are_only_wrong() -> None:
    # what a datagram with byte 0xff in the response decodes to
    credentials = Credentials("u", "r", "n", "sip:x", "\udcff\udcfe")
    assert credentials.verify(ha1("u", "r", "p"), "INVITE") is False
    surrogates = Credentials("\udcff", "\udcff", "\udcff", "\udcff", "0")
    assert surrogates.verify(ha1("\udcff", "r", "p"), "INVITE") is False


@pytest.mark.parametrize(
    "value",
    [
        "", "Digest", "Digest ", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "NoOneKnowsThisScheme opaque-data=here",  # RFC 4475 3.3.7
        'Digest username="u", realm="r", nonce="n", uri="x"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", algorithm=MD5-sess',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", algorithm="SHA-512"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth-int, nc=1, '
        'cnonce="c"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth, nc=00000001',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth, cnonce="c"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth, cnonce="c", '
        "nc=zz",
        'Digest username, realm="r", nonce="n", uri="x", response="y"',
    ],
)  # fmt: skip
def test_refused_credentials(value: str) -> None:
    with pytest.raises(SipError):
        parse_credentials(value)


@pytest.mark.parametrize(
    "value",
    [
        "", 'Basic realm="x"', 'Digest nonce="n"', 'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", qop="auth-int"',
    ],
)  # fmt: skip
def test_refused_challenges(value: str) -> None:
    with pytest.raises(SipError):
        parse_challenge(value)


def test_forms_that_phones_write() -> None:
    credentials = parse_credentials(
        'digest  Username="u",REALM="r, with comma",nonce="n;x=1",uri="sip:a;b=c",'
        'response="00" , algorithm="md5",qop="auth",cnonce="c",nc=00000001'
    )
    assert credentials.realm == "r, with comma"
    assert credentials.nonce == "n;x=1"
    assert credentials.uri == "sip:a;b=c"
    assert (credentials.algorithm, credentials.qop, credentials.nc) == ("MD5", "auth", "00000001")
