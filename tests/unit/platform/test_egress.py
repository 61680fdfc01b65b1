"""Requests to URLs of tenants: where they may lead, and what an answer may do."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ringfence
from ringfence.platform.egress import Egress, EgressFailed, EgressRefused, Response, is_public
from ringfence.platform.processor_settings import EgressSettings

LOOPBACK = EgressSettings(allow_networks=("127.0.0.0/8",))
TLS = ssl.create_default_context()
Serve = Callable[..., Awaitable[int]]


class Names:
    """A name server: a list of answers per name, the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers[host.split(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a web server for a handler on a loopback address; gives its port."""
    runners: list[web.AppRunner] = []

    async def start(
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> int:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, host, 0, ssl_context=tls)
        await site.start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def raw() -> AsyncIterator[Serve]:
    """Start a server that sends octets as it likes; gives its port."""
    servers: list[asyncio.Server] = []

    async def start(
        talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> int:
        async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(each, "127.0.0.1", 0)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()


async def get(egress: Egress, url: str, **options: object) -> Response:
    chosen = {"timeout": 5.0, "max_bytes": 10_000, **options}
    return await egress.fetch("GET", url, **chosen)  # type: ignore[arg-type]


async def reason(egress: Egress, url: str, **options: object) -> str:
    with pytest.raises((EgressRefused, EgressFailed)) as caught:
        await get(egress, url, **options)
    return f"{caught.value.code} {caught.value.details['reason']}"


async def ok(request: web.Request) -> web.Response:
    return web.Response(text="here")


# --- addresses ----------------------------------------------------------------------------------

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:0a00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "fe80::1%eth0",
    "2001:4860:4860::8888%1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "11.0.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_public_is_never_more_than_the_standard_library_says(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    embedded = address in ipaddress.ip_network("64:ff9b::/96") or (
        address.version == 6 and address.ipv4_mapped is not None
    )
    if is_public(address) and not embedded:
        assert address.is_global and not address.is_multicast


@pytest.mark.parametrize("address", [a for a in NOT_PUBLIC if "%" not in a])
async def test_literal_address_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    async with Egress(EgressSettings()) as egress:
        assert await reason(egress, f"https://{host}/") == "egress_refused address"


@pytest.mark.parametrize("address", [a for a in NOT_PUBLIC if "%" not in a])
async def test_name_of_such_an_address_is_refused(address: str) -> None:
    names = Names(inside=[[address]], mixed=[["8.8.8.8", address]])
    async with Egress(EgressSettings(), resolve=names) as egress:
        assert await reason(egress, "https://inside.test/") == "egress_refused address"
        assert await reason(egress, "https://mixed.test/") == "egress_refused address"


async def test_names_of_this_machine_by_the_real_resolver() -> None:
    async with Egress(EgressSettings()) as egress:
        assert await reason(egress, "https://localhost/") == "egress_refused address"
        assert await reason(egress, "https://nowhere.invalid/") == "egress_failed dns"


async def test_public_address_only_by_https() -> None:
    async with Egress(EgressSettings(), resolve=Names(out=[["8.8.8.8"]])) as egress:
        assert await reason(egress, "http://out.test/") == "egress_refused plain_http"
        assert await reason(egress, "http://8.8.8.8/") == "egress_refused plain_http"


# --- URLs ---------------------------------------------------------------------------------------

ODD = [
    *("https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/"),
    *("https://127.0.0.1./", "https://0x7f.0.0.1/", "https://017700000001/", "https://0/"),
    *("https://127.0.0.01/", "https://127.0.0.0x1/", "https://0x/", "https://1.1.1.1.1/"),
    *("https://127。0。0。1/", "https://127．0．0．1/", "https://①②⑦.⓪.⓪.①/", "https://ⅼocalhost/"),
    *("https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1/", "https://[]/"),
    *("https://[127.0.0.1]/", "https://[v1.x]/", "https:///path", "https://", "https://:443/"),
    *("https://example.com./", "https://a..b/", "https://-a.test/", "https://%31%32%37.0.0.1/"),
    *("https://example.com\\@127.0.0.1/", "https://exa mple.test/", "https://a.test/\r\nX: y"),
    *("https://a.test/\x00", " https://a.test/", "https://a.test:99999/", "https://a.test:x/"),
    f"https://{'a' * 64}.test/",
    f"https://a.test/{'a' * 5000}",
]


@pytest.mark.parametrize("url", ODD)
async def test_odd_spelling_is_refused_without_a_lookup(url: str) -> None:
    names = Names()
    async with Egress(LOOPBACK, resolve=names) as egress:
        assert await reason(egress, url) in ("egress_refused url", "egress_refused port")
    assert names.asked == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "scheme"),
        ("ftp://a.test/", "scheme"),
        ("gopher://a.test/", "scheme"),
        ("data:text/xml,x", "scheme"),
        ("//a.test/", "scheme"),
        ("a.test", "scheme"),
        ("", "scheme"),
        ("https://user:word@a.test/", "credentials"),
        ("https://a.test@127.0.0.1/", "credentials"),
        ("https://@a.test/", "credentials"),
        ("https://a.test:22/", "port"),
        ("https://a.test:25/", "port"),
        ("https://a.test:0/", "port"),
    ],
)
async def test_url_is_refused(url: str, why: str) -> None:
    async with Egress(LOOPBACK, resolve=Names()) as egress:
        assert await reason(egress, url) == f"egress_refused {why}"


def spellings(address: int) -> list[str]:
    """Ways in which programs accept an IPv4 address that is not written with four numbers."""
    parts = list(address.to_bytes(4, "big"))
    low = address & 0xFFFFFF
    return [
        str(address),
        hex(address),
        f"0{address:o}",
        ".".join(hex(part) for part in parts),
        ".".join(f"0{part:o}" for part in parts),
        f"{parts[0]}.{low}",
        f"{parts[0]}.{parts[1]}.{low & 0xFFFF}",
        ".".join(map(str, parts)) + ".",
        "。".join(map(str, parts)),
    ]


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.integers(0, 8), st.sampled_from(["", ":443", ":8443"]))
async def test_no_spelling_of_an_address_reaches_the_network(
    address: int, which: int, port: str
) -> None:
    names = Names()
    async with Egress(LOOPBACK, resolve=names, tls=TLS) as egress:
        url = f"https://{spellings(address)[which]}{port}/"
        assert await reason(egress, url) == "egress_refused url"
    assert names.asked == []


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="htps:/@[]%.0123456789abcdefx\\?# \r\n。１", max_size=40))
async def test_any_text_is_an_answer_or_our_error(text: str) -> None:
    async def nobody(host: str) -> Sequence[str]:
        raise OSError

    async with Egress(EgressSettings(), resolve=nobody, tls=TLS) as egress:
        for url in (text, f"https://{text}"):
            with pytest.raises((EgressRefused, EgressFailed)) as caught:
                await get(egress, url, timeout=0.2)
            # a public literal may be tried; nothing else gets as far as the network
            assert caught.value.code == "egress_refused" or caught.value.details["reason"] in (
                *("dns", "timeout", "connect", "tls"),
            )


# --- pinning ------------------------------------------------------------------------------------


async def test_name_is_looked_up_once_and_the_checked_address_is_used(serve: Serve) -> None:
    """A name server that gives 127.0.0.2 to the check and 127.0.0.1 to the connection."""
    hosts: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        hosts.append(request.host)
        return web.Response(text="second", headers={"Connection": "close"})

    port = await serve(handler, "127.0.0.2")
    names = Names(rebind=[["127.0.0.2"], ["127.0.0.1"]])
    allowed = EgressSettings(allow_networks=("127.0.0.2/32",))
    async with Egress(allowed, resolve=names) as egress:
        url = f"http://rebind.test:{port}/"
        assert (await get(egress, url)).body == b"second"
        assert names.asked == ["rebind.test"]
        assert hosts == [f"rebind.test:{port}"]
        assert await reason(egress, url) == "egress_refused address"
    assert len(hosts) == 1


async def test_rebinding_after_a_public_answer(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        raise AssertionError("reached")

    port = await serve(handler)
    names = Names(rebind=[["192.0.2.7"], ["127.0.0.1"]])
    allowed = EgressSettings(allow_networks=("192.0.2.7/32",))  # stands for a public address
    async with Egress(allowed, resolve=names) as egress:
        url = f"http://rebind.test:{port}/"
        assert (await reason(egress, url, timeout=0.3)).startswith("egress_failed")
        assert names.asked == ["rebind.test"]
        assert await reason(egress, url) == "egress_refused address"


async def test_allowed_network_includes_mapped_addresses(serve: Serve) -> None:
    port = await serve(ok)
    names = Names(inside=[["::ffff:127.0.0.1"]])
    async with Egress(LOOPBACK, resolve=names) as egress:
        assert (await get(egress, f"http://inside.test:{port}/")).body == b"here"


# --- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of good.test with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "good.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.test")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "good.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_is_verified_and_names_the_server(serve: Serve, certificate: Path) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: asked.append(name)
    port = await serve(ok, tls=context)
    names = Names(good=[["127.0.0.1"]], other=[["127.0.0.1"]])
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with Egress(LOOPBACK, resolve=names, tls=trusting) as egress:
        assert (await get(egress, f"https://good.test:{port}/")).body == b"here"
        assert asked == ["good.test"]
        assert await reason(egress, f"https://other.test:{port}/") == "egress_failed tls"
    async with Egress(LOOPBACK, resolve=names) as egress:
        assert await reason(egress, f"https://good.test:{port}/") == "egress_failed tls"


async def test_plain_server_behind_https(serve: Serve) -> None:
    port = await serve(ok)
    async with Egress(LOOPBACK) as egress:
        assert await reason(egress, f"https://127.0.0.1:{port}/") == "egress_failed tls"


# --- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sent", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "GET", "GET"),
    ],
)
async def test_method_after_a_redirect(serve: Serve, status: int, sent: str, then: str) -> None:
    seen: list[tuple[str, bytes, bool]] = []

    async def handler(request: web.Request) -> web.Response:
        kept = "Content-Type" in request.headers
        seen.append((request.method, await request.read(), kept))
        if request.path == "/from/here":
            return web.Response(status=status, headers={"Location": "../to?a=http://b/"})
        return web.Response(text="there")

    port = await serve(handler)
    body = None if sent in ("GET", "HEAD") else b"a=b"
    async with Egress(LOOPBACK) as egress:
        answer = await egress.fetch(
            sent,  # type: ignore[arg-type]
            f"http://127.0.0.1:{port}/from/here",
            headers={"Content-Type": "text/x"} if body else {},
            body=body,
            timeout=5,
            max_bytes=100,
            redirects=1,
        )
    kept_body = body if then == sent and body else b""
    assert seen[1] == (then, kept_body, bool(kept_body))
    assert answer.url == f"http://127.0.0.1:{port}/to?a=http://b/"


async def test_redirects_are_counted(serve: Serve) -> None:
    count = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.Response(status=302, headers={"Location": "/again"})

    port = await serve(handler)
    async with Egress(LOOPBACK) as egress:
        url = f"http://127.0.0.1:{port}/"
        assert await reason(egress, url, redirects=5) == "egress_failed redirects"
        assert count == 6
        assert (await get(egress, url)).status == 302
        assert count == 7


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://169.254.169.254/latest", "address"),
        ("https://inside.test/", "address"),
        ("http://8.8.8.8/", "plain_http"),
        ("//10.0.0.1:8080/", "address"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https://a@b.test/", "credentials"),
        ("https://2130706433/", "url"),
        ("https://a.test:22/", "port"),
    ],
)
async def test_each_hop_is_checked(serve: Serve, location: str, why: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": location})

    port = await serve(handler)
    names = Names(inside=[["10.1.2.3"]])
    async with Egress(LOOPBACK, resolve=names) as egress:
        url = f"http://127.0.0.1:{port}/"
        assert await reason(egress, url, redirects=3) == f"egress_refused {why}"


async def test_headers_stay_with_their_origin(serve: Serve) -> None:
    seen: list[dict[str, str]] = []

    async def second(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response()

    async def first(request: web.Request) -> web.Response:
        headers = {"Location": f"http://127.0.0.1:{other}/", "Set-Cookie": "a=b"}
        return web.Response(status=307, headers=headers)

    other = await serve(second)
    port = await serve(first)
    async with Egress(LOOPBACK) as egress:
        headers = {"Authorization": "secret", "Accept": "text/xml"}
        await get(egress, f"http://127.0.0.1:{port}/", headers=headers, redirects=1)
        await get(egress, f"http://127.0.0.1:{port}/", headers=headers, redirects=1)
    for each in seen:
        assert "Authorization" not in each
        assert "Cookie" not in each
        assert each["Accept"] == "text/xml"


# --- what is sent -------------------------------------------------------------------------------


async def test_what_the_server_sees(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[web.Request] = []
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.read())
        return web.Response(text="x", headers={"X-Answer": "y"})

    port = await serve(handler)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    async with Egress(LOOPBACK) as egress:
        answer = await egress.fetch(
            "POST",
            f"http://127.0.0.1:{port}/a%2Fb?c=%C3%A4#not-sent",
            headers={"Content-Type": "application/json", "X-Own": "1"},
            body=b"{}",
            timeout=5,
            max_bytes=1,
        )
    assert answer.status == 200
    assert answer.headers["x-answer"] == "y"
    assert bodies == [b"{}"]
    assert seen[0].raw_path == "/a%2Fb?c=%C3%A4"
    assert seen[0].headers["User-Agent"] == f"Ringfence/{ringfence.__version__}"
    assert seen[0].headers["Accept-Encoding"] == "identity"
    assert seen[0].headers["X-Own"] == "1"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nX-C: d"},
        {"X-A\r\nX-C": "d"},
        {"X A": "b"},
        {"": "b"},
        {"X-A": "b\x00"},
        {"Host": "other.test"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"User-Agent": "other"},
    ],
)
async def test_header_is_refused(headers: dict[str, str]) -> None:
    async with Egress(LOOPBACK) as egress:
        url = "http://127.0.0.1:1024/"
        assert await reason(egress, url, headers=headers) == "egress_refused header"


# --- what comes back ----------------------------------------------------------------------------


async def test_size_is_bounded_while_reading(raw: Serve) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 203 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    port = await raw(endless)
    async with Egress(LOOPBACK) as egress:
        with pytest.raises(EgressFailed) as caught:
            await get(egress, f"http://127.0.0.1:{port}/", timeout=10)
    assert caught.value.details == {"reason": "too_large", "status": 203}


async def test_body_of_exactly_the_limit(serve: Serve) -> None:
    port = await serve(ok)
    async with Egress(LOOPBACK) as egress:
        url = f"http://127.0.0.1:{port}/"
        assert (await get(egress, url, max_bytes=4)).body == b"here"
        assert await reason(egress, url, max_bytes=3) == "egress_failed too_large"


async def test_nothing_is_decompressed(serve: Serve) -> None:
    bomb = gzip.compress(bytes(1_000_000))

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    port = await serve(handler)
    async with Egress(LOOPBACK) as egress:
        answer = await get(egress, f"http://127.0.0.1:{port}/")
    assert answer.body == bomb
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
async def test_one_octet_at_a_time_ends_in_time(raw: Serve, start: bytes) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for octet in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 500:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.05)

    port = await raw(drip)
    loop = asyncio.get_running_loop()
    async with Egress(LOOPBACK) as egress:
        began = loop.time()
        url = f"http://127.0.0.1:{port}/"
        assert await reason(egress, url, timeout=0.4) == "egress_failed timeout"
        assert loop.time() - began < 3


async def test_name_server_that_never_answers() -> None:
    async def never(host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    async with Egress(LOOPBACK, resolve=never) as egress:
        assert await reason(egress, "https://a.test/", timeout=0.1) == "egress_failed timeout"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
)
async def test_broken_answer(raw: Serve, octets: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()

    port = await raw(talk)
    async with Egress(LOOPBACK) as egress:
        assert await reason(egress, f"http://127.0.0.1:{port}/") == "egress_failed protocol"


async def test_broken_redirect_target(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://[::1"})

    port = await serve(handler)
    async with Egress(LOOPBACK) as egress:
        url = f"http://127.0.0.1:{port}/"
        assert await reason(egress, url, redirects=1) == "egress_refused url"


async def test_nobody_listens(raw: Serve) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with Egress(LOOPBACK) as egress:
        assert await reason(egress, f"http://127.0.0.1:{port}/") == "egress_failed connect"


async def test_nothing_of_a_request_is_logged_or_in_errors(
    raw: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nX-H: secret\r\n\r\nsecret")
        await writer.drain()

    caplog.set_level(logging.DEBUG)
    port = await raw(talk)
    async with Egress(LOOPBACK) as egress:
        with pytest.raises(EgressFailed) as caught:
            await get(egress, f"http://127.0.0.1:{port}/secret", headers={"X-Own": "secret"})
    shown = str(caught.value) + repr(caught.value.details) + repr(caught.value.__cause__)
    assert "secret" not in shown + caplog.text
    assert caught.value.__suppress_context__
