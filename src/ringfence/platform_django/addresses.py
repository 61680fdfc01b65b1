"""Where a request came from, and networks that credentials may be used from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(request: HttpRequest) -> Address | None:
    """The address that the server saw; behind a proxy of ``web.trusted_proxies`` the right-most
    address of ``X-Forwarded-For`` that is no such proxy. What nobody trusted wrote counts nothing.

    None: not known, because the server saw none or a trusted proxy's header cannot be read.
    """
    trusted = settings.RINGFENCE.web.proxy_networks
    seen = _address(request.META.get("REMOTE_ADDR", ""))
    if seen is None or not within(seen, trusted):
        return seen
    for text in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        if not text.strip():
            continue
        seen = _address(text.strip())
        if seen is None or not within(seen, trusted):
            return seen
    return seen


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has the address."""
    return any(address in network for network in networks)


def narrower(networks: Sequence[Network], bounds: Sequence[Network]) -> bool:
    """Whether what ``networks`` allow is allowed by ``bounds``; without any, everything is."""
    return not bounds or (
        bool(networks) and all(any(_inside(one, bound) for bound in bounds) for one in networks)
    )


def truncated(address: Address | None) -> str:
    """The /24 or /48 that an address is of, which stands for many; empty without one."""
    if address is None:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(ipaddress.IPv4Network((int(address), 24), strict=False))
    return str(ipaddress.IPv6Network((int(address), 48), strict=False))


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation, without repetition. Raises ValueError."""
    return tuple(dict.fromkeys(ipaddress.ip_network(text) for text in texts))


def _inside(one: Network, bound: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network) and isinstance(bound, ipaddress.IPv4Network):
        return one.subnet_of(bound)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(bound, ipaddress.IPv6Network):
        return one.subnet_of(bound)
    return False


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
