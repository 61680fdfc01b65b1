"""Checks of ports and addresses."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from ringfence.entry.doctor.finding import Finding
from ringfence.platform.settings import Settings, parse_listen

_FEW_PAIRS = 100
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def check_ports(settings: Settings, serving: Collection[str]) -> Iterator[Finding]:
    """Each port we listen on is free, or taken by our own process (``serving``: those ready)."""
    for text in settings.sip.listen:
        listen = parse_listen(text)
        kind = socket.SOCK_DGRAM if listen.transport == "udp" else socket.SOCK_STREAM
        yield _check_port("sip", text, kind, listen.host, listen.port, "signalling" in serving)
    for name, http in (("web", settings.web), ("live", settings.live)):
        text = f"http://{http.host}:{http.port}"
        yield _check_port(name, text, socket.SOCK_STREAM, http.host, http.port, name in serving)


def _check_port(
    section: str, text: str, kind: socket.SocketKind, host: str, port: int, ours: bool
) -> Finding:
    name = f"port {text}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Finding(
                name, False, error.strerror or "not usable", f"correct the [{section}] address"
            )
        if ours:
            return Finding(name, True, "ours")
        return Finding(
            name,
            False,
            "taken by another program",
            f"stop that program (ss -lnptu | grep :{port}) or change the [{section}] port",
        )
    if ours:
        return Finding(name, False, "its process is ready, but does not listen here", "restart it")
    return Finding(name, True, "free")


def check_advertised(settings: Settings) -> Iterator[Finding]:
    """The addresses that we tell peers to reach us at make sense."""
    hosts = [parse_listen(text).host for text in settings.sip.listen]
    yield _check_address("sip", settings.sip.advertised_address, hosts)
    media = settings.media.advertised_address or settings.sip.advertised_address
    yield _check_address("media", media, [settings.media.bind_address])


def _check_address(section: str, advertised: str | None, bound: list[str]) -> Finding:
    name = f"advertised address of {section}"
    set_it = f"set {section}.advertised_address to the address that phones and carriers reach"
    public = any(not ipaddress.ip_address(host).is_loopback for host in bound)
    if advertised is not None:
        address = ipaddress.ip_address(advertised)
        if address.is_unspecified or address.is_multicast:
            return Finding(name, False, f"{advertised} is no address of a host", set_it)
        if address.is_loopback and public:
            return Finding(name, False, f"{advertised} reaches only this machine", set_it)
        return Finding(name, True, advertised)
    if not public:
        return Finding(name, True, f"{', '.join(bound)}: this machine only")
    fixed = [host for host in bound if not ipaddress.ip_address(host).is_unspecified]
    used = fixed or [_route_address() or ""]
    if not used[0]:
        return Finding(name, False, "no route to the outside to take the address from", set_it)
    observed = f"{', '.join(used)} (not set; from the {'bound address' if fixed else 'route'})"
    if any(ipaddress.ip_address(host).is_private for host in used):
        return Finding(name, True, observed, f"private: for peers beyond this network {set_it}")
    return Finding(name, True, observed)


def _route_address() -> str | None:
    """Our address on the way to the internet; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return None


def check_rtp_range(settings: Settings) -> Finding:
    """The RTP range is large enough, and nobody else is given ports of it."""
    low, high = settings.media.rtp_port_min, settings.media.rtp_port_max
    first, last = settings.media_ports(0)
    pairs = (last + 1 - first) // 2
    observed = f"{low}-{high}: {pairs} port pairs for each of {settings.media_workers} workers"
    name = "rtp ports"
    if pairs < 2:
        return Finding(name, False, observed, "widen media.rtp_port_min to rtp_port_max")
    inside = [
        text
        for text in settings.sip.listen
        if text.startswith("udp") and low <= parse_listen(text).port <= high
    ]
    if inside:
        advice = f"{', '.join(inside)} lies in the range: move one of them"
        return Finding(name, False, observed, advice)
    ephemeral = _ephemeral_range()
    if ephemeral is not None and low <= ephemeral[1] and ephemeral[0] <= high:
        advice = (
            f"the system hands out {ephemeral[0]}-{ephemeral[1]} to others: move the range, or "
            f"reserve it with net.ipv4.ip_local_reserved_ports={low}-{high}"
        )
        return Finding(name, True, observed, advice)
    if pairs < _FEW_PAIRS:
        return Finding(name, True, observed, f"each call takes two pairs: about {pairs // 2} calls")
    return Finding(name, True, observed)


def _ephemeral_range() -> tuple[int, int] | None:
    try:
        low, high = _EPHEMERAL.read_text().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return None
