"""What other domains and the entrances see of trunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a trunk writes telephone numbers; the meaning of each field is that of call control."""

    country_code: str = "1"
    national_prefix: str = "1"
    international_prefix: str = "011"
    strip_prefix: str = ""
    style: str = "e164"
    """``e164`` (+ and digits), ``no_plus``, or ``national`` within ``country_code``."""
    add_prefix: str = ""


@dataclass(frozen=True, slots=True)
class NewTrunk:
    """What creates a trunk. ``tenant_id`` None makes it the operator's."""

    name: str
    tenant_id: UUID | None = None
    sources: tuple[str, ...] = ()
    """Networks or addresses whose requests belong to this trunk."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    """Digest credentials that the peer authenticates with towards us."""
    peer_host: str | None = None
    peer_port: int = 5060
    peer_transport: str = "udp"
    auth_username: str | None = None
    auth_password: str | None = field(default=None, repr=False)
    """Digest credentials that we answer the peer's challenge with."""
    format: NumberFormat = NumberFormat()
    max_calls_per_second: int | None = None
    max_channels: int | None = None


@dataclass(frozen=True, slots=True)
class TrunkInfo:
    """A trunk without its secrets."""

    id: UUID
    tenant_id: UUID | None
    name: str
    sources: tuple[str, ...]
    username: str | None
    peer_host: str | None
    peer_port: int
    peer_transport: str
    auth_username: str | None
    format: NumberFormat
    max_calls_per_second: int | None
    max_channels: int | None


@dataclass(frozen=True, slots=True)
class RoutingTrunk:
    """A trunk as the call plane needs it, with what authenticates both ways."""

    info: TrunkInfo
    ha1_md5: str | None = field(repr=False)
    ha1_sha256: str | None = field(repr=False)
    auth_password: str | None = field(repr=False)


class TrunkNotFound(NotFound):
    """No such trunk for this tenant."""

    code = "trunk_not_found"


class InvalidTrunk(InvalidInput):
    """A field of the trunk cannot be accepted; ``details.field`` names it."""

    code = "invalid_trunk"


class TrunkSourceConflict(InvalidInput):
    """A source network overlaps that of another trunk."""

    code = "trunk_source_conflict"
    http_status = 409


class TrunkUsernameConflict(InvalidInput):
    """Another trunk authenticates with this user name."""

    code = "trunk_username_conflict"
    http_status = 409


class TrunkInUse(RingfenceError):
    """Numbers or targets lead calls over the trunk; ``details.used_by`` names some."""

    code = "trunk_in_use"
    http_status = 409


class TooManyTrunks(RingfenceError):
    """The tenant has as many trunks as it may connect itself."""

    code = "too_many_trunks"
    http_status = 409
