"""Who may call or register: finds the trunk or device of a request, checks its digest, keeps
limits.

A stranger learns nothing: while nobody authenticates by password his request is not answered at
all; otherwise he gets the same challenge and the same refusal whatever name he tries.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from ringfence.engine.ports import ConfigSnapshot, DeviceConfig, TrunkConfig
from ringfence.engine.signalling.transport import Flow
from ringfence.kernel.clock import Clock
from ringfence.protocols.sip.digest import Challenge, is_digest, parse_credentials
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Request

NONCE_SECONDS = 60
_DUMMY_HA1 = "0" * 32


@dataclass(frozen=True, slots=True)
class Challenged:
    """Answer 401 with these WWW-Authenticate values."""

    challenges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer with this status; the trunk is known but this request is not allowed."""

    status: int


class Silence:
    """Do not answer at all."""


_Network = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, TrunkConfig]
Verdict = TrunkConfig | DeviceConfig | Challenged | Refused | Silence
_User = TypeVar("_User", TrunkConfig, DeviceConfig)


class Usage:
    """Calls of one trunk: how many now, and a token bucket of calls per second."""

    __slots__ = ("_refilled", "_tokens", "channels")

    def __init__(self) -> None:
        self.channels = 0
        self._tokens: float | None = None
        self._refilled = 0.0

    def take(self, trunk: TrunkConfig, now: float) -> bool:
        """Count one more call if both limits allow it."""
        if trunk.max_channels is not None and self.channels >= trunk.max_channels:
            return False
        rate = trunk.max_calls_per_second
        if rate is not None:
            tokens = float(rate) if self._tokens is None else self._tokens
            tokens = min(float(rate), tokens + (now - self._refilled) * rate)
            self._refilled = now
            self._tokens = tokens
            if tokens < 1:
                return False
            self._tokens = tokens - 1
        self.channels += 1
        return True


class Gate:
    """The trunks in force, by source network and by user name, and the devices, by user name."""

    def __init__(
        self, clock: Clock, realm: str, algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    ) -> None:
        self._clock = clock
        self._realm = realm
        self._algorithms = algorithms
        self._nonce_key = secrets.token_bytes(32)
        self._usage: dict[UUID, Usage] = {}
        self._hosts: dict[str, TrunkConfig] = {}
        self._networks: list[_Network] = []
        self._users: dict[str, TrunkConfig] = {}
        self._carriers: dict[str, set[str]] = {}
        self._phones: dict[str, DeviceConfig] = {}
        self._used: dict[str, int] = {}
        self.trunks: dict[UUID, TrunkConfig] = {}
        self.devices: dict[UUID, DeviceConfig] = {}
        self.version: int | None = None

    def load(self, snapshot: ConfigSnapshot) -> None:
        """Take a new configuration; calls in progress keep the trunk they started with.

        Raises ValueError for one that cannot be used; the old one then stays in force.
        """
        hosts: dict[str, TrunkConfig] = {}
        networks: list[_Network] = []
        for trunk in snapshot.trunks:
            for source in trunk.sources:
                network = ipaddress.ip_network(source, strict=False)
                if network.num_addresses == 1:
                    hosts[str(network.network_address)] = trunk
                else:
                    networks.append((network, trunk))
        networks.sort(key=lambda item: item[0].prefixlen, reverse=True)
        self._hosts, self._networks = hosts, networks
        own = [t.peer_host for t in snapshot.trunks if t.tenant is None and t.peer_host]
        self._carriers = {name: self._carriers.get(name, set()) | {name} for name in own}
        self._users = {t.username: t for t in snapshot.trunks if t.username and t.ha1_md5}
        self._phones = {device.username: device for device in snapshot.devices}
        self.trunks = {trunk.id: trunk for trunk in snapshot.trunks}
        self.devices = {device.id: device for device in snapshot.devices}
        self.version = snapshot.version

    def by_source(self, host: str) -> TrunkConfig | None:
        """The trunk whose networks hold this address; the narrowest wins."""
        found = self._hosts.get(host)
        if found is not None or not self._networks:
            return found
        address = ipaddress.ip_address(host)
        for network, trunk in self._networks:
            if address.version == network.version and address in network:
                return trunk
        return None

    def reached(self, trunk: TrunkConfig, host: str) -> None:
        """Note which address the peer of a trunk was found at."""
        if trunk.peer_host in self._carriers and trunk.tenant is None:
            self._carriers[trunk.peer_host].add(host)

    def may_dial(self, host: str, tenant: UUID | None) -> bool:
        """Whether a tenant's SIP URI may lead to this address.

        Carriers know us by our address: what is the operator's, or another tenant's, is dialled
        over its trunk, where it is counted and paid, or not at all.
        """
        trunk = self.by_source(host)
        if trunk is not None and trunk.tenant != tenant:
            return False
        return not any(host in found for found in self._carriers.values())

    @property
    def answers_strangers(self) -> bool:
        """Whether someone may authenticate from an unknown address."""
        return bool(self._users or self._phones)

    def admit(self, request: Request, flow: Flow) -> Verdict:
        """Who sent this request. A trunk with sources and a user name needs both to match.

        A device is admitted to register, from anywhere, and to nothing else.
        """
        if request.method == "REGISTER" and self._phones:
            return self._authenticate(request, flow, self._phones)
        trunk = self.by_source(flow.remote[0])
        if trunk is not None and not trunk.username:
            return trunk
        if trunk is None and not self.answers_strangers:
            return Silence()
        found = self._authenticate(request, flow, self._users)
        if not isinstance(found, TrunkConfig):
            return found
        if found.sources and self.by_source(flow.remote[0]) is not found:
            return Refused(403)
        return found if trunk is None or trunk is found else Refused(403)

    def _authenticate(
        self, request: Request, flow: Flow, users: Mapping[str, _User]
    ) -> _User | Challenged | Refused:
        """Which of the users proves itself. A nonce proves nothing twice: what a digest does not
        cover, such as a Contact, could be another's the second time."""
        value = request.headers.get("authorization")
        if value is None or not is_digest(value):
            return self._challenge(flow, stale=False)
        try:
            credentials = parse_credentials(value)
        except SipError:
            return Refused(403)
        fresh = self._nonce_age(credentials.nonce, flow)
        user = users.get(credentials.username)
        md5 = credentials.algorithm == "MD5"
        known = user is not None and (user.ha1_md5 if md5 else user.ha1_sha256)
        right = credentials.verify(known or _DUMMY_HA1, request.method)
        if fresh is None:
            return self._challenge(flow, stale=False)
        if not right or not known or user is None or credentials.realm != self._realm:
            return Refused(403)
        if credentials.algorithm not in self._algorithms:
            return Refused(403)
        if credentials.nc is None:  # offered, and without it the nonce count proves nothing
            return Refused(403)
        if credentials.uri != request.uri and not _same_target(credentials.uri, request.uri):
            return Refused(403)
        if not fresh or not self._counts(credentials.nonce, int(credentials.nc, 16)):
            return self._challenge(flow, stale=True)
        return user

    def _counts(self, nonce: str, count: int) -> bool:
        """Whether this use of a nonce comes after all others (RFC 7616 3.4, ``nc``)."""
        if count <= self._used.get(nonce, 0):
            return False
        oldest = self._clock.micros() // 1_000_000 - NONCE_SECONDS
        while self._used and _seconds(next(iter(self._used))) < oldest:
            del self._used[next(iter(self._used))]
        self._used[nonce] = count
        return True

    def _challenge(self, flow: Flow, *, stale: bool) -> Challenged:
        seconds = self._clock.micros() // 1_000_000
        nonce = self._nonce(f"{seconds:x}-{secrets.token_hex(4)}", flow)
        return Challenged(
            tuple(
                str(Challenge(self._realm, nonce, algorithm, stale=stale))
                for algorithm in self._algorithms
            )
        )

    def _nonce(self, text: str, flow: Flow) -> str:
        mac = hmac.new(self._nonce_key, f"{text}|{flow.remote[0]}".encode(), sha256)
        return f"{text}.{mac.hexdigest()[:32]}"

    def _nonce_age(self, nonce: str, flow: Flow) -> bool | None:
        """True: fresh; False: ours but too old; None: not a nonce of ours for this address."""
        ours = self._nonce(nonce.partition(".")[0], flow) if nonce.isascii() else ""
        if not hmac.compare_digest(ours.encode(), nonce.encode("utf-8", "replace")):
            return None
        return 0 <= self._clock.micros() // 1_000_000 - _seconds(nonce) <= NONCE_SECONDS

    # --- limits -----------------------------------------------------------------------------------

    def take(self, trunk: TrunkConfig) -> bool:
        """Take a channel of a trunk for one leg; False when a limit is reached."""
        usage = self._usage.setdefault(trunk.id, Usage())
        return usage.take(trunk, self._clock.monotonic())

    def release(self, trunk: TrunkConfig) -> None:
        """Give a channel back: its leg's BYE was answered, or timed out."""
        self._usage[trunk.id].channels -= 1

    def channels(self, trunk: UUID) -> int:
        """Channels of a trunk in use now."""
        usage = self._usage.get(trunk)
        return usage.channels if usage is not None else 0


def _seconds(nonce: str) -> int:
    """When a nonce of ours was made."""
    return int(nonce.partition("-")[0], 16)


def _same_target(digest_uri: str, request_uri: str) -> bool:
    """Some clients leave URI parameters out of the digest URI."""
    return digest_uri.partition(";")[0].lower() == request_uri.partition(";")[0].lower()
