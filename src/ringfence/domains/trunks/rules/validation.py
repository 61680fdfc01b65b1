"""What a new trunk may look like."""

from __future__ import annotations

import ipaddress
import re

from ringfence.domains.trunks.contracts import InvalidTrunk, NewTrunk, TrunkSourceConflict

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*\.?")
_USERNAME = re.compile(r"[A-Za-z0-9._+-]{1,120}")
_MOST_SOURCES = 1000
_DIGITS = re.compile(r"[0-9]*")


def _refuse(field: str, problem: str) -> InvalidTrunk:
    return InvalidTrunk(f"{field}: {problem}", details={"field": field})


def nobody() -> InvalidTrunk:
    """The error of a trunk that leads to nobody and belongs to nobody."""
    return _refuse("username", "a trunk needs a user name, a peer, or a source")


def parse_sources(sources: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks. Raises InvalidTrunk for a malformed, TrunkSourceConflict for an overlap."""
    if len(sources) > _MOST_SOURCES:
        raise _refuse("sources", f"are at most {_MOST_SOURCES}")
    networks: list[Network] = []
    for text in sources:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise _refuse(
                "sources", "each is an address or a network such as 192.0.2.0/24"
            ) from None
        if any(network.version == n.version and network.overlaps(n) for n in networks):
            raise TrunkSourceConflict("two of the source networks overlap")
        networks.append(network)
    return tuple(networks)


def is_host(text: str) -> bool:
    """Whether the text is an IP address or a DNS name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _HOST.fullmatch(text) is not None and not re.fullmatch(r"[0-9.]+", text)
    return True


def validate(new: NewTrunk) -> None:
    """Raises InvalidTrunk, naming the field."""
    if not 1 <= len(new.name.strip()) <= 120:
        raise _refuse("name", "has 1 to 120 characters")
    if (new.username is None) != (new.password is None):
        raise _refuse("password", "username and password go together")
    for field, value in (("username", new.username), ("auth_username", new.auth_username)):
        if value is not None and not _USERNAME.fullmatch(value):
            raise _refuse(field, "has 1 to 120 letters, digits and . _ + -")
    if (new.auth_username is None) != (new.auth_password is None):
        raise _refuse("auth_password", "auth_username and auth_password go together")
    for field, value in (("password", new.password), ("auth_password", new.auth_password)):
        if value is not None and not 1 <= len(value) <= 256:
            raise _refuse(field, "has 1 to 256 characters")
    if new.peer_host is not None and not is_host(new.peer_host):
        raise _refuse("peer_host", "is an IP address or a DNS name")
    if not 1 <= new.peer_port <= 65535:
        raise _refuse("peer_port", "lies between 1 and 65535")
    if new.peer_transport not in ("udp", "tcp"):
        raise _refuse("peer_transport", "is udp or tcp")
    if not (new.sources or new.username or new.peer_host):
        raise nobody()
    _validate_format(new)
    for field, limit in (
        ("max_calls_per_second", new.max_calls_per_second),
        ("max_channels", new.max_channels),
    ):
        if limit is not None and not 1 <= limit <= 100_000:
            raise _refuse(field, "lies between 1 and 100000")


def _validate_format(new: NewTrunk) -> None:
    style = new.format
    if not re.fullmatch(r"[1-9][0-9]{0,2}", style.country_code):
        raise _refuse("country_code", "has 1 to 3 digits")
    if style.style not in ("e164", "no_plus", "national"):
        raise _refuse("style", "is e164, no_plus or national")
    for field, text, limit in (
        ("national_prefix", style.national_prefix, 8),
        ("international_prefix", style.international_prefix, 8),
        ("strip_prefix", style.strip_prefix, 16),
        ("add_prefix", style.add_prefix, 16),
    ):
        if len(text) > limit or not _DIGITS.fullmatch(text.lstrip("+*#")):
            raise _refuse(field, f"has at most {limit} digits")
