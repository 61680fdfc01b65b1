"""Properties of the SIP parser: round trip, truncation, garbage, framing, bounded time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringfence.engine.signalling.examine import judge
from ringfence.protocols.sip.digest import parse_challenge, parse_credentials
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.framing import PING, StreamFramer
from ringfence.protocols.sip.malformed import answer_malformed
from ringfence.protocols.sip.message import Headers, Request, Response, parse_message
from ringfence.protocols.sip.uri import parse_hostport, parse_uri, unescape_user
from ringfence.protocols.sip.values import parse_cseq, parse_name_addr, parse_via, split_list

FIXTURES = Path(__file__).parent / "fixtures" / "sip"
ALL = [p.read_bytes() for folder in ("valid", "rfc4475") for p in (FIXTURES / folder).iterdir()]
VALID = [data for data in ALL if judge(data).verdict == "accepted"]
STREAM = [
    (FIXTURES / f"{name}.sip").read_bytes()
    for name in ("valid/baresip_invite", "valid/folded_invite", "rfc4475/wsinv", "rfc4475/esc02")
]

TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], exclude_characters='"\\'),
    max_size=20,
)
HOST = st.sampled_from(["192.0.2.1", "[2001:db8::1]", "a.example.com", "h-1", "localhost."])
PARAM_VALUE = st.one_of(st.none(), TOKEN, st.text('ab";,<>\\= ', min_size=1, max_size=6))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _params(params: dict[str, str | None]) -> str:
    return "".join(f";{k}" if v is None else f";{k}={_quoted(v)}" for k, v in params.items())


PARAMS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), PARAM_VALUE)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    user = draw(st.text("ab+0-9_.!~*'()&=$,;?/", min_size=1, max_size=10))
    port = draw(st.one_of(st.just(""), st.integers(1, 65535).map(lambda n: f":{n}")))
    display = draw(st.one_of(st.just(""), st.text('a "\\,<>;', max_size=8).map(_quoted)))
    return f"{display} <sip:{user}@{draw(HOST)}{port}>{_params(draw(PARAMS))}".strip()


@st.composite
def messages(draw: st.DrawFn) -> Request | Response:
    method = draw(TOKEN)
    branch = draw(TOKEN)
    headers = Headers(
        [
            ("Via", f"SIP/2.0/{draw(TOKEN)} {draw(HOST)};branch=z9hG4bK{branch}"),
            ("From", draw(addresses())),
            ("To", draw(addresses())),
            ("Call-ID", draw(TOKEN)),
            ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"),
        ]
    )
    for _ in range(draw(st.integers(0, 4))):
        headers.add(f"X-{draw(TOKEN)}", draw(TEXT))
    body = draw(st.binary(max_size=200))
    if draw(st.booleans()):
        return Request(method, f"sip:{draw(TOKEN)}", headers, body)
    return Response(draw(st.integers(100, 699)), draw(TEXT), headers, body)


def as_values(message: Request | Response) -> tuple[object, ...]:
    fields = [(n, v) for n, v in message.headers if n.lower() != "content-length"]
    return type(message), message.start_line(), fields, message.body


def touch(message: Request | Response) -> None:
    """Read all that the engine reads; only SipError may come out."""
    for read in (
        lambda: message.via, lambda: message.cseq, lambda: message.from_.uri,
        lambda: message.to.uri, lambda: message.contact and message.contact.uri,
        lambda: message.call_id, message.serialise,
        lambda: str(message.via), lambda: unescape_user(message.from_.uri.user),
        lambda: isinstance(message, Request) and parse_uri(message.uri),
        lambda: isinstance(message, Request) and message.response(486, to_tag="t").serialise(),
    ):  # fmt: skip
        try:
            read()
        except SipError:
            continue
    for name in ("via", "contact", "route", "record-route", "allow", "supported", "x"):
        for value in message.headers.values(name):
            try:
                assert parse_name_addr(value).uri
            except SipError:
                continue


def survive(data: bytes) -> None:
    try:
        message = parse_message(data)
    except SipError as error:
        assert error.status in (400, 416, 505, 513)
        answer = answer_malformed(data, error)
        if answer is not None:
            assert answer.serialise().startswith(b"SIP/2.0 ")
    else:
        touch(message)
        judge(data)


@given(messages())
def test_round_trip(message: Request | Response) -> None:
    again = parse_message(message.serialise())
    assert as_values(again) == as_values(message)
    assert again.serialise() == message.serialise()


@given(addresses())
def test_an_address_survives_a_list(value: str) -> None:
    assert split_list(f"{value} , {value}") == [value, value]


@given(TOKEN, HOST, st.one_of(st.none(), st.integers(1, 65535)), PARAMS)
def test_via_round_trip(
    transport: str, host: str, port: int | None, params: dict[str, str | None]
) -> None:
    text = f"SIP/2.0/{transport} {host}{'' if port is None else f':{port}'}{_params(params)}"
    via = parse_via(text)
    assert (via.transport, via.host, via.port) == (transport.upper(), host, port)
    assert via.params == params
    assert parse_via(str(via)) == via


def test_a_quoted_via_parameter_cannot_become_another() -> None:
    via = parse_via('SIP/2.0/UDP h;x="1;received=6.6.6.6"')
    assert "received" not in via.params
    assert "received" not in parse_via(str(via)).params


@pytest.mark.parametrize("data", VALID)
def test_truncated_at_every_byte(data: bytes) -> None:
    for end in range(len(data)):
        survive(data[:end])


@given(st.binary(max_size=400))
@example(b"\r\n\r\n")
@example(b"INVITE sip:a SIP/2.0\r\n\r\n")
def test_garbage(data: bytes) -> None:
    survive(data)


HOSTILE = [
    b"\0", b"\r", b"\n", b"\r\n", b"\r\n ", b"\xff", b"\xed\xa0\x80", b'"', b"\\", b"<", b">", b",",
    b";", b"=", b":", b"@", b"?", b"%00", b"%", b"[", b"]", b"9" * 5000, "٣".encode(), b" ", b"\t",
    b"\xc2\x85", b"\xe2\x80\xa8", b"*", b"Via: ,\r\n", b"Contact: *\r\n", b"l: 5\r\n", b"-",
]  # fmt: skip


@given(
    st.sampled_from(VALID),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(HOSTILE), st.integers(0, 12)),
        min_size=1,
        max_size=4,
    ),
)
def test_mutated(data: bytes, edits: list[tuple[float, bytes, int]]) -> None:
    for where, what, removed in edits:
        at = int(where * len(data))
        data = data[:at] + what + data[at + removed :]
    survive(data)


@pytest.mark.parametrize("data", VALID)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_value_in_every_field(data: bytes, hostile: bytes) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for index, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        for changed in (name + colon + hostile, name + colon + value + hostile):
            survive(
                b"\r\n".join([*lines[:index], changed, *lines[index + 1 :]]) + b"\r\n\r\n" + body
            )


@given(st.text(max_size=60))
@example("9" * 5000)
@example("1" * 5000 + " INVITE")
@example("h:" + "9" * 5000)
@example("\ud800")
def test_value_parsers_raise_only_sip_errors(text: str) -> None:
    for parse in (
        parse_uri, parse_via, parse_name_addr, parse_cseq, parse_hostport, parse_challenge,
        parse_credentials, unescape_user, split_list,
        lambda t: parse_via("SIP/2.0/UDP " + t), lambda t: parse_uri("sip:" + t),
        lambda t: parse_name_addr('"' + t), lambda t: parse_name_addr("<sip:" + t),
        lambda t: parse_credentials("Digest " + t), lambda t: parse_uri("tel:" + t),
    ):  # fmt: skip
        try:
            parse(text)
        except SipError:
            continue


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "X"])
@pytest.mark.parametrize(
    "bad", ["\r\nInjected: 1", "\nInjected: 1", "\rInjected: 1", "\0", "\ud800"]
)
def test_nothing_is_injected_by_what_we_write(name: str, bad: str) -> None:
    headers = Headers([("Via", "SIP/2.0/UDP h"), ("From", "<sip:a@b>"), ("To", "<sip:a@b>")])
    headers.set(name, f"x{bad}")
    for message in (Request("BYE", "sip:a@b", headers), Response(200, "OK", headers)):
        with pytest.raises(SipError) as caught:
            message.serialise()
        assert caught.value.status == 500


def test_nothing_is_injected_by_start_lines() -> None:
    for message in (
        Request("BYE", "sip:a@b\r\nX: 1", Headers()),
        Request("BYE\n", "sip:a@b", Headers()),
        Response(200, "OK\r\nX: 1", Headers()),
    ):
        with pytest.raises(SipError):
            message.serialise()


# --- framing -------------------------------------------------------------------------------------


def framed(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    """Units and whether the stream broke, the error being due at the latest with the next call."""
    framer = StreamFramer()
    units: list[bytes] = []
    try:
        for chunk in [*chunks, b""]:
            units += framer.feed(chunk)
    except SipError:
        return units, True
    return units, False


UNIT = st.sampled_from([*STREAM, PING])


@given(
    st.lists(UNIT, max_size=5),
    st.sampled_from(
        [b"", b"\r\n", b"junk\r\n\r\n", b"INVITE", b"l: -1\r\n\r\n", b"\r\nl: 99999\r\n"]
    ),
    st.lists(st.integers(1, 400), min_size=1, max_size=40),
)
def test_framing_is_equal_under_any_chunking(
    units: list[bytes], tail: bytes, sizes: list[int]
) -> None:
    stream = b"".join(units) + tail
    chunks, at, turn = [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        chunks.append(stream[at : at + size])
        at, turn = at + size, turn + 1
    whole = framed([stream])
    assert whole[0] == units
    assert framed(chunks) == whole
    assert framed([bytes([byte]) for byte in stream]) == whole


def test_a_lone_crlf_before_a_message_is_skipped() -> None:
    assert framed([b"\r\n" + STREAM[0]]) == ([STREAM[0]], False)
    assert framed([PING + b"\r\n" + STREAM[0]]) == ([PING, STREAM[0]], False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\nl: -5\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\nl: 99999\r\n\r\n", 513),
        (b"OPTIONS sip:a SIP/2.0\r\nl: 9999999\r\n\r\n", 400),
        (b"X" * 65_536, 400),
    ],
)
def test_streams_that_cannot_be_framed(data: bytes, status: int) -> None:
    with pytest.raises(SipError) as caught:
        StreamFramer().feed(data)
    assert caught.value.status == status


# --- time ----------------------------------------------------------------------------------------

_HEAD = (
    b"INVITE sip:a@b SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: 1\r\nCSeq: 1 INVITE\r\n"
)
_VIA = b"Via: SIP/2.0/UDP h\r\n"
SLOW = {
    "folds": _HEAD + _VIA + b"X: 1" + b"\r\n a" * 15_000,
    "empty folds": _HEAD + _VIA + b"X: 1" + b"\r\n " * 20_000,
    "via list": _HEAD + b"Via: " + b"SIP/2.0/UDP a," * 4_500,
    "via spaces": _HEAD + b"Via: SIP/2.0/UDP" + b" " * 60_000 + b"!",
    "via slashes": _HEAD + b"Via: SIP" + b" /" * 30_000,
    "quotes": _HEAD + _VIA + b"Contact: " + b'"\\' * 30_000,
    "commas": _HEAD + _VIA + b"Contact: " + b",<" * 30_000,
    "params": _HEAD + _VIA + b"Contact: <sip:a@b>" + b";a" * 30_000,
    "quoted params": _HEAD + _VIA + b"Contact: <sip:a@b>" + b';"' * 30_000,
    "host": _HEAD + b"Via: SIP/2.0/UDP " + b"a-" * 30_000 + b"!",
    "user": _HEAD + _VIA + b"Contact: <sip:" + b"a?" * 30_000 + b"@b>",
    "spaces": _HEAD + _VIA + b"X:" + b" \t" * 30_000 + b"a",
    "spaced name": _HEAD + _VIA + b"X" + b" " * 60_000 + b"y: 1",
    "many fields": _HEAD + _VIA + b"a:\r\n" * 15_000,
    "cseq": _HEAD.replace(b"CSeq: 1", b"CSeq: 1" + b" " * 60_000) + _VIA,
    "no end of what is answered": b"INVITE sip:a SIP/2.0\r\n" + b"v:\r\n" * 7000 + b"f:\r\n" * 7000,
    "escapes": _HEAD + _VIA + b"Contact: <sip:" + b"%41" * 20_000 + b"@b>",
}


@pytest.mark.parametrize("name", SLOW)
def test_64_kilobytes_are_parsed_in_bounded_time(name: str) -> None:
    data = SLOW[name] + b"\r\n\r\n"
    assert 40_000 < len(data) < 65_536
    best = 9.0
    for _ in range(3):
        start = time.process_time()
        survive(data)
        best = min(best, time.process_time() - start)
    assert best < 0.15


def test_framing_dribbled_bytes_is_linear() -> None:
    data = SLOW["folds"] + b"\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000
    framer = StreamFramer()
    start = time.process_time()
    units = [unit for at in range(len(data)) for unit in framer.feed(data[at : at + 1])]
    assert units == [data]
    assert time.process_time() - start < 1.0
