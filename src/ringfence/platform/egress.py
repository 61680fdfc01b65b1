"""Requests to URLs that tenants name, which never lead into the operator's own networks.

Whoever can make a server fetch a URL can reach what only the server reaches (SSRF): metadata
services, databases, administration pages. So every address that a name stands for is checked, and
the connection is made to a checked address and to nothing else; the name is looked up once for
each connection. Nothing of a request or an answer is logged.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import TracebackType
from typing import Literal, Protocol, Self
from uuid import UUID

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

import ringfence
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.processor_settings import EgressSettings

USER_AGENT = f"Ringfence/{ringfence.__version__}"
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Every address of a name, as text. Raises OSError."""

_MAX_URL = 4096
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_IDLE_SECONDS = 2.0
"""Shorter than common servers keep an idle connection, or a request would race its end."""
_LOOKUPS = 16
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_FORBIDDEN_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
_HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset(
    {
        *("host", "user-agent", "accept-encoding", "cookie", "expect", "content-length"),
        *("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"),
        *("proxy-authorization", "proxy-connection"),
    }
)
_KEPT_ELSEWHERE = frozenset({"accept", "content-type"})
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        # IANA special-purpose registry, multicast, reserved
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # what Azure gives every machine, with secrets
        # of the global unicast space: protocol assignments with Teredo, documentation, 6to4
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
_GLOBAL_IPV6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")

Address = IPv4Address | IPv6Address
Before = Callable[[str, URL, bytes | None], Awaitable[None]]
"""Told of each hop (method, URL, body) before anything is sent; what it raises ends the request."""


class EgressRefused(RingfenceError):
    """A request that is not made: ``reason`` in the details is ``url``, ``scheme``,
    ``credentials``, ``port``, ``header``, ``address`` or ``plain_http``; or, of the egress gate,
    one of ``platform.gate.rules.Refusal``."""

    code = "egress_refused"
    http_status = 422


class EgressFailed(RingfenceError):
    """No answer: ``reason`` in the details is ``dns``, ``connect``, ``tls``, ``timeout``,
    ``too_large`` (then with ``status``), ``redirects`` or ``protocol`` (not HTTP, or cut off).
    ``gate``: the egress process did not answer; ``ledger``: it could not record what would leave,
    so nothing left."""

    code = "egress_failed"
    http_status = 502


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """As it came: what has a Content-Encoding nobody asked for."""
    url: str
    """Where it came from, after redirects."""
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """What a request is for."""

    template: str
    """Name of one of ``platform.gate.templates``."""
    tenant: UUID | None = None


class Outbound(Protocol):
    """Where requests leave: the gate's client, or what makes them itself."""

    async def fetch(
        self,
        method: Method,
        url: str,
        *,
        sending: Sending,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109 - part of the contract
        max_bytes: int,
        redirects: int = 0,
    ) -> Response:
        """As ``Egress.fetch``."""
        ...

    async def close(self) -> None: ...


def is_public(address: Address) -> bool:
    """Whether an address is of a host on the public Internet.

    An IPv6 address that stands for an IPv4 address (mapped, NAT64) is as public as that; 6to4 and
    Teredo, which no longer work, are not.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _GLOBAL_IPV6:
            return False
    return not any(address in network for network in _NOT_PUBLIC)


class Egress:
    """Makes requests. Belongs to one event loop; to be closed.

    ``https`` leads to public addresses and those of ``settings.allow_networks``, plain ``http``
    only to the latter. No proxy of the environment, no cookies.
    """

    def __init__(
        self,
        settings: EgressSettings,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = tuple(map(ip_network, settings.allow_networks))
        self._lookups = ThreadPoolExecutor(_LOOKUPS, "egress-dns")
        self._resolve = resolve or self._getaddrinfo
        self._tls = tls or ssl.create_default_context()
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def fetch(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109 - over all hops, and part of the contract
        max_bytes: int,
        redirects: int = 0,
        sending: Sending | None = None,
        before: Before | None = None,
    ) -> Response:
        """One request, with up to ``redirects`` redirects followed (RFC 9110 15.4); with none, a
        redirect is the response.

        ``timeout`` (seconds) spans everything from the look-up to the last byte of the body, which
        may have ``max_bytes``. Headers other than Accept and Content-Type do not follow a redirect
        to another origin. ``sending`` is for the gate and means nothing here.
        Raises EgressRefused, EgressFailed.
        """
        sent = _checked(headers or {})
        try:
            async with asyncio.timeout(timeout):
                return await self._follow(
                    method, _parse(url), sent, body, max_bytes, redirects, before
                )
        except TimeoutError:
            raise _failed("timeout", "no complete answer in time") from None
        except (
            aiohttp.ClientConnectorCertificateError,
            aiohttp.ClientSSLError,
            ssl.SSLError,
        ):
            raise _failed("tls", "no trusted TLS connection") from None
        except aiohttp.ClientConnectorError:
            raise _failed("connect", "no connection") from None
        except (aiohttp.ClientError, OSError, ValueError):  # their texts name URLs and more
            raise _failed("protocol", "the answer is not HTTP, or was cut off") from None

    async def _follow(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
        redirects: int,
        before: Before | None,
    ) -> Response:
        left = redirects
        while True:
            self._check_literal(url)
            if before is not None:
                await before(method, url, body)
            async with self._session(url.scheme).request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                location = answer.headers.get("Location")
                if not redirects or answer.status not in _REDIRECTS or location is None:
                    return await _read(answer, url, max_bytes, redirected=left != redirects)
            if not left:
                raise _failed("redirects", "too many redirects")
            left -= 1
            target = _parse(_join(url, location))
            if target.origin() != url.origin():
                headers = {k: v for k, v in headers.items() if k.lower() in _KEPT_ELSEWHERE}
            if _becomes_get(answer.status, method):
                method, body = "GET", None
                headers = {k: v for k, v in headers.items() if not k.lower().startswith("content-")}
            url = target

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        session = self._sessions.get(scheme)
        if session is None:
            connector = aiohttp.TCPConnector(
                resolver=_Checking(self._resolve, lambda name: self._check(name, scheme)),
                use_dns_cache=False,
                ssl=self._tls,
                limit=512,
                limit_per_host=64,
                keepalive_timeout=_IDLE_SECONDS,
            )
            session = self._sessions[scheme] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                skip_auto_headers=("Content-Type",),
                timeout=aiohttp.ClientTimeout(total=None),
                max_line_size=8190,
                max_field_size=8190,
            )
        return session

    def _check_literal(self, url: URL) -> None:
        """An address in the URL never meets the resolver."""
        try:
            address = ip_address(url.host or "")
        except ValueError:
            return
        self._check(address, url.scheme)

    def _check(self, address: Address, scheme: str) -> None:
        """Raises EgressRefused unless a connection to an address may be made."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._allowed):
            return
        if not is_public(address):
            raise _refused("address", "the URL leads to an address that is not public")
        if scheme != "https":
            raise _refused("plain_http", "only https may leave for the public Internet")

    async def _getaddrinfo(self, host: str) -> Sequence[str]:
        # threads of its own: a name server that does not answer delays no one else
        found = await asyncio.get_running_loop().run_in_executor(
            self._lookups, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return [str(item[4][0]) for item in found]


class _Checking(AbstractResolver):
    """Gives aiohttp addresses that were checked; it connects to these and asks nobody else."""

    def __init__(self, resolve: Resolve, check: Callable[[Address], None]) -> None:
        self._resolve = resolve
        self._check = check

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            addresses = [ip_address(text) for text in await self._resolve(host)]
        except (OSError, ValueError):
            addresses = []
        if not addresses:
            raise _failed("dns", "the name of the server does not resolve")
        for address in addresses:
            self._check(address)
        return [_result(host, port, address) for address in dict.fromkeys(addresses)]

    async def close(self) -> None:
        """Nothing is held."""


def _result(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


async def _read(
    answer: aiohttp.ClientResponse, url: URL, max_bytes: int, *, redirected: bool
) -> Response:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > max_bytes:
            raise EgressFailed(
                "the answer is too large",
                details={"reason": "too_large", "status": answer.status},
            )
        parts.append(part)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status, headers, b"".join(parts), str(url), redirected)


def _becomes_get(status: int, method: str) -> bool:
    """RFC 9110 15.4.2-15.4.4: what every browser does with 301 and 302."""
    return method == "POST" if status in (301, 302) else status == 303 and method != "HEAD"


def _join(base: URL, location: str) -> str:
    """An absolute URL of a Location, which may be relative (RFC 9110 10.2.2).

    Raises EgressRefused.
    """
    if _FORBIDDEN_IN_URL.search(location):
        raise _refused("url", "the URL is not one")
    if _HAS_SCHEME.match(location):
        return location
    if location.startswith("//"):
        return f"{base.scheme}:{location}"
    try:
        return str(base.join(URL(location)))
    except ValueError:
        raise _refused("url", "the URL is not one") from None


def _parse(text: str) -> URL:
    """The URL that will be requested, in exactly one reading. Raises EgressRefused."""
    if len(text) > _MAX_URL or _FORBIDDEN_IN_URL.search(text):
        raise _refused("url", "the URL is not one, or too long")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise _refused("scheme", "only https and http URLs are fetched")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise _refused("credentials", "a URL with credentials is not fetched")
    try:
        url = URL(text).with_fragment(None)
        port = url.port or 0
    except ValueError:
        raise _refused("url", "the URL is not one") from None
    if not (port in (80, 443) or port >= 1024):
        raise _refused("port", "ports below 1024 other than 80 and 443 are not fetched from")
    _check_host(authority, url)
    return url


def _check_host(authority: str, url: URL) -> None:
    """A name, or an address in its one canonical form: nothing that two parsers read differently.

    Raises EgressRefused.
    """
    host = url.raw_host or ""
    if authority.startswith("["):
        written = authority[1:].partition("]")[0]
        good = "%" not in written and _is_address(written, IPv6Address)
    else:
        written = authority.partition(":")[0]
        if _NUMBER.fullmatch(written.rpartition(".")[2]):
            good = host == written and _is_address(written, IPv4Address)
        else:
            good = host == written.lower() and _NAME.fullmatch(written) is not None
    if not good or len(host) > 253:
        raise _refused("url", "the host of the URL is neither a name nor a plain address")


def _is_address(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Raises EgressRefused for a header that is ours to set or no header at all."""
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _OURS or _NO_VALUE.search(value):
            raise _refused("header", "a header that may not be set, or is not one")
    return dict(headers)


def _refused(reason: str, message: str) -> EgressRefused:
    return EgressRefused(message, details={"reason": reason})


def _failed(reason: str, message: str) -> EgressFailed:
    return EgressFailed(message, details={"reason": reason})
