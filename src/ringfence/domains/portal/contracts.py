"""What other parts see of the privacy portal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ringfence.domains.portal.rules.visit import State
from ringfence.domains.privacy.contracts import OPT_OUTS, RightsKind
from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


class Wish(StrEnum):
    """What somebody comes for: a kind of request, or to see how earlier ones are."""

    ACCESS = "access"
    PORTABILITY = "portability"
    DELETION = "deletion"
    RESTRICTION = "restriction"
    RESTRICTION_END = "restriction_end"
    OBJECTION = "objection"
    CORRECTION = "correction"
    OPT_OUT_SALE = "opt_out_sale"
    OPT_OUT_ADS = "opt_out_ads"
    OPT_OUT_PROFILING = "opt_out_profiling"
    OPT_OUT_CPNI = "opt_out_cpni"
    CHILD = "child"
    """Of somebody else: they are a child."""
    STATUS = "status"

    @property
    def kind(self) -> RightsKind | None:
        return None if self is Wish.STATUS else RightsKind(self.value)

    @property
    def at_once(self) -> bool:
        """Whether it is done at once, without a code: an opt-out, and a report of a child."""
        return self.kind in OPT_OUTS or self is Wish.CHILD


@dataclass(frozen=True, slots=True)
class PortalInfo:
    """A tenant's portal."""

    tenant_id: UUID
    tenant_name: str
    slug: str
    """Its path: ``/privacy/<slug>/``."""
    caller_id: str | None
    """E.164 that calls with a code present; None: codes go by mail alone."""
    officer_confirms: bool
    """Whether a deletion waits for an officer although the person proved who they are."""


@dataclass(frozen=True, slots=True)
class VisitInfo:
    """One browser that asked for a code, and what it may see."""

    id: UUID
    tenant_id: UUID
    state: State
    wish: Wish
    by_call: bool
    person: UUID | None
    request_id: UUID | None
    """What was asked on this visit."""
    proven_at: datetime | None


class PortalNotFound(NotFound):
    """No tenant has a portal there."""

    code = "portal_not_found"


class SlugTaken(RingfenceError):
    """Another tenant's portal is there."""

    code = "portal_slug_taken"
    http_status = 409


class SlugInvalid(InvalidInput):
    """A path has 3 to 63 lower-case letters, digits and single hyphens inside."""

    code = "portal_slug_invalid"


class CallerIdNotOwned(InvalidInput):
    """Calls with a code present an active number of the tenant."""

    code = "portal_caller_id_refused"


class NoContact(InvalidInput):
    """It is neither a telephone number nor an e-mail address, or a number that is never called."""

    code = "portal_no_contact"


class NoCalls(InvalidInput):
    """This portal sends codes by mail alone."""

    code = "portal_no_calls"


class Busy(RingfenceError):
    """Too many codes were asked for from there."""

    code = "portal_busy"
    http_status = 429


class NotProven(RingfenceError):
    """Nobody proved in this browser who they are, or too long ago."""

    code = "portal_not_proven"
    http_status = 403
