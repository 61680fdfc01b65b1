"""Which credential may do what: decided here, in the process that holds the keys."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from ringfence.platform.keys.errors import Refused
from ringfence.platform.keys.messages import SEAL
from ringfence.platform.keys.names import LeafRef, day_number

_MAX_LIVE = 200_000


class Grant(msgspec.Struct, frozen=True):
    """What one credential may ask for."""

    methods: frozenset[str]
    purposes: frozenset[str] = frozenset()
    """SEAL and the purposes it may open for."""
    live_only: bool = False
    """Seals only today's and yesterday's buckets, for persons and items of its own calls."""


_CALL = Grant(frozenset({"leaves", "resolve"}), frozenset({SEAL}), live_only=True)
_SERVE = frozenset({"leaves", "resolve", "find"})

GRANTS: Mapping[str, Grant] = {
    "signalling": _CALL,
    "media": _CALL,
    "control": Grant(_SERVE, frozenset({SEAL, "service", "billing", "fraud"})),
    "live": Grant(frozenset({"leaves"}), frozenset({"service"})),
    "web": Grant(
        _SERVE | {"reassign", "state"},
        frozenset(
            {SEAL, "service", "billing", "fraud", "support", "security", "marketing", "training"}
        ),
    ),
    "worker": Grant(
        _SERVE
        | {"reassign", "state", "destroy", "hold", "release", "orphans", "settle", "journal"},
        frozenset({SEAL, "service", "billing", "fraud", "marketing", "legal", "rights"}),
    ),
    "cli": Grant(frozenset({"status", "journal"})),
}
"""By name of the credential, which is that of the process."""


class Session:
    """What one connection proved, and which live calls it takes part in."""

    def __init__(self, credential: str, grant: Grant) -> None:
        self.credential = credential
        self.lease_until = 0.0
        """Monotonic time until which it may use what it was granted."""
        self.acknowledged = 0
        self._grant = grant
        self._live: dict[UUID, None] = {}

    def may(self, method: str) -> None:
        """Raises Refused."""
        if method not in self._grant.methods:
            raise Refused("this credential may not ask for that")

    def may_use(self, purpose: str) -> None:
        """Raises Refused."""
        if purpose not in self._grant.purposes:
            raise Refused("this credential may not claim this purpose")

    def takes_part(self, id_: UUID) -> None:
        """A person or item of a live call of this connection; the oldest are forgotten."""
        if self._grant.live_only:
            self._live[id_] = None
            if len(self._live) > _MAX_LIVE:
                del self._live[next(iter(self._live))]

    def may_seal(self, ref: LeafRef, now: datetime) -> None:
        """Raises Refused when this is nothing that the credential could be sealing now."""
        if not self._grant.live_only:
            return
        today = day_number(now)
        if ref.bucket.day not in (today, today - 1):  # a call may have begun before midnight
            raise Refused("this credential seals for live calls only")
        owners = ref.items if ref.person is None else (ref.person,)
        if not all(owner in self._live for owner in owners):
            raise Refused("this credential seals for its own calls only")


def authenticate(secrets: Mapping[str, str], credential: str, secret: str) -> Session:
    """The session of a credential. Raises Refused when the secret is not its own."""
    grant, expected = GRANTS.get(credential), secrets.get(credential)
    if (
        grant is None
        or expected is None
        or not hmac.compare_digest(expected.encode(), secret.encode())
    ):
        raise Refused("unknown credential")
    return Session(credential, grant)
