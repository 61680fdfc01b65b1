"""Which credential may do what: decided here, in the process that holds the keys."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from ringfence.kernel.fields import INSTALLATION, RECOVERY
from ringfence.platform.keys.errors import Refused
from ringfence.platform.keys.messages import SEAL, LeavesRequest, ResolveRequest
from ringfence.platform.keys.names import Bucket, LeafRef, day_number

_MAX_LIVE = 200_000


class Grant(msgspec.Struct, frozen=True):
    """What one credential may ask for."""

    methods: frozenset[str]
    purposes: frozenset[str] = frozenset()
    """SEAL and the purposes it may open for."""
    live_only: bool = False
    """Seals only today's and yesterday's buckets, for persons and items of its own calls."""


_CALL = Grant(frozenset({"leaves", "resolve"}), frozenset({SEAL}), live_only=True)
_RECOVER = msgspec.structs.replace(_CALL, purposes=frozenset({SEAL, RECOVERY}))
_SERVE = frozenset({"leaves", "resolve", "find"})
_LISTS = frozenset({"suppress", "unsuppress", "suppressed", "link", "subject_of", "persons_of"})

GRANTS: Mapping[str, Grant] = {
    "signalling": _RECOVER,
    "media": _CALL,
    "control": Grant(_SERVE | _LISTS, frozenset({SEAL, "service", "billing", "fraud"})),
    "live": Grant(frozenset({"leaves"}), frozenset({"service"})),
    "web": Grant(
        _SERVE | _LISTS | {"reassign", "state", "choose"},
        frozenset(
            {SEAL, "service", "billing", "fraud", "support", "security", "marketing", "training"}
        ),
    ),
    "worker": Grant(
        _SERVE
        | _LISTS
        | {
            "reassign",
            "state",
            "choose",
            "destroy",
            "hold",
            "release",
            "orphans",
            "settle",
            "journal",
        }
        | {"status", "backup", "identifier"},
        frozenset({SEAL, "service", "billing", "fraud", "marketing", "legal", "rights"}),
    ),
    "cli": Grant(
        _SERVE | {"status", "journal", "rotate", "reroot", "backup", "destroy", "identifier"},
        frozenset({SEAL, "billing", "support", "legal", "rights"}),
    ),
}
"""By name of the credential, which is that of the process."""


class Session:
    """What one connection proved, and which live calls it takes part in."""

    def __init__(self, credential: str, grant: Grant) -> None:
        self.credential = credential
        self.lease_until = 0.0
        """Monotonic time until which it may use what it was granted."""
        self.acknowledged = 0
        self.ended = False
        """It left, lost its connection or introduced itself anew: it is given nothing more."""
        self.left = False
        """It said goodbye: it holds nothing and is not waited for."""
        self._grant = grant
        self._live: dict[UUID, None] = {}

    def lend_until(self, until: float) -> None:
        """A leaf is on its way to it. Raises Refused when it left while that was looked up."""
        if self.ended:
            raise Refused("the client has left")
        self.lease_until = until

    def leave(self) -> None:
        """It has forgotten every leaf and takes no other."""
        self.ended = self.left = True
        self.lease_until = 0.0

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
            self._live.pop(id_, None)  # who calls again is the newest
            self._live[id_] = None
            if len(self._live) > _MAX_LIVE:
                del self._live[next(iter(self._live))]

    def may_have(self, request: LeavesRequest, now: datetime) -> None:
        """Raises Refused unless each of these leaves may be asked for."""
        self.may_use(request.purpose)
        if request.hold is not None and request.purpose != "legal":
            raise Refused("what a hold covers is opened for legal purposes only")
        for ref in request.refs:
            if request.purpose == SEAL:
                self._may_seal(ref, now)
            elif request.purpose == RECOVERY:
                _check_recovery(request.tenant, ref)

    def may_resolve(self, request: ResolveRequest, now: datetime) -> None:
        """Raises Refused when leaves are wanted that this credential could not seal with."""
        buckets = [*request.seal, *(item.bucket for item in request.items if item.bucket)]
        if buckets:
            self.may_use(SEAL)
        for bucket in buckets:
            self._may_seal_in(bucket, now)

    def _may_seal(self, ref: LeafRef, now: datetime) -> None:
        self._may_seal_in(ref.bucket, now)
        if not self._grant.live_only:
            return
        owners = ref.items if ref.person is None else (ref.person,)
        if not all(owner in self._live for owner in owners):
            raise Refused("this credential seals for its own calls only")

    def _may_seal_in(self, bucket: Bucket | None, now: datetime) -> None:
        if not self._grant.live_only:
            return
        today = day_number(now)
        if bucket is None or bucket.day not in (today, today - 1):  # a call may pass midnight
            raise Refused("this credential seals for live calls only")


def _check_recovery(tenant: UUID, ref: LeafRef) -> None:
    if tenant != INSTALLATION or ref.bucket is None or ref.bucket.category != RECOVERY:
        raise Refused("this is no means of recovery")


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
