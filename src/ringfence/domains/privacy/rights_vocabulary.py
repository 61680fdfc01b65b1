"""Words of rights requests, as the REST API and the rows have them."""

from __future__ import annotations

from enum import StrEnum


class RightsKind(StrEnum):
    """What a person asks for; nothing stands here that no engine carries out."""

    ACCESS = "access"
    PORTABILITY = "portability"
    DELETION = "deletion"
    RESTRICTION = "restriction"
    """What is held stays, and is opened for claims and the person's own requests alone."""
    RESTRICTION_END = "restriction_end"
    OBJECTION = "objection"
    """Nothing of theirs is used for marketing, training or support any more."""
    CORRECTION = "correction"
    """Something that is held is wrong; somebody decides."""
    OPT_OUT_SALE = "opt_out_sale"
    """No sale of what is held of them, nor sharing for advertising (11 CCR 7026)."""
    OPT_OUT_ADS = "opt_out_ads"
    """No advertising by what they did elsewhere."""
    OPT_OUT_PROFILING = "opt_out_profiling"
    """Nothing is decided of them by a profile."""
    OPT_OUT_CPNI = "opt_out_cpni"
    """No marketing by whom they called, when and how long (47 CFR 64.2007)."""
    CHILD = "child"
    """Somebody says that the person is a child: nothing of theirs is used from then on, and it is
    erased once that is confirmed (16 CFR 312.6(a)(2), GDPR article 17(1)(f))."""
    APPEAL = "appeal"
    """Of a refusal: somebody else decides anew."""


OPT_OUTS = frozenset(
    {
        RightsKind.OPT_OUT_SALE,
        RightsKind.OPT_OUT_ADS,
        RightsKind.OPT_OUT_PROFILING,
        RightsKind.OPT_OUT_CPNI,
    }
)
"""What holds from when it is asked; nobody has to prove who they are (11 CCR 7026(d))."""


class Jurisdiction(StrEnum):
    """Whose law gives the person the right, as far as it sets the deadline."""

    US_CA = "us-ca"
    EU = "eu"
    US_OTHER = "us-other"


class Channel(StrEnum):
    """How the request came in."""

    API = "api"
    PORTAL = "portal"
    """By the person themselves, on the privacy portal."""
    NOTE = "note"
    """Somebody wrote down what was said or sent to them."""


class RightsState(StrEnum):
    """How far a request is."""

    RECEIVED = "received"
    VERIFIED = "verified"
    """It is known that the person themselves asks; a job goes on."""
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


class Method(StrEnum):
    """How it became known that the person themselves asks."""

    SIGNED_IN = "signed_in"
    CODE_SENT = "code_sent"
    """A one-time code sent to the number or address that is held of them."""
    CALLBACK = "callback"
    PHOTO_ID = "photo_id"
    KNOWN_DETAILS = "known_details"
    """They told what only they and the business know."""
    AUTHORITY = "authority"
    """An agent showed that they may act for the person."""
    NOT_NEEDED = "not_needed"
    """Of an opt-out alone."""
    CONFIRMED = "confirmed"
    """Of a report of a child alone: somebody of the business knows so, and answers for it."""


class AuthorityKind(StrEnum):
    """What lets somebody else ask for the person."""

    POWER_OF_ATTORNEY = "power_of_attorney"
    SIGNED_PERMISSION = "signed_permission"
    """It counts once the person confirmed it (11 CCR 7063)."""


class StatementUse(StrEnum):
    """What became of what a person said of their data; it stays beside the data."""

    COMPLETION = "completion"
    """It was right: the data is read with it (GDPR article 16)."""
    DISAGREEMENT = "disagreement"
    """It was not met: the person disagrees (11 CCR 7023)."""


class ExtensionReason(StrEnum):
    """Why the answer takes longer: what the laws let count."""

    COMPLEXITY = "complexity"
    NUMBER_OF_REQUESTS = "number_of_requests"


class Refusal(StrEnum):
    """Why a request is not met."""

    NOT_VERIFIED = "not_verified"
    UNFOUNDED = "unfounded"
    EXCESSIVE = "excessive"
    LAW_REQUIRES_KEEPING = "law_requires_keeping"
    LEGAL_HOLD = "legal_hold"
    WITHDRAWN = "withdrawn"
    """The person does not want it any more."""


class Urgency(StrEnum):
    """How near the end of the time to answer is."""

    NONE = "none"
    """The request is finished."""
    ON_TIME = "on_time"
    SOON = "soon"
    OVERDUE = "overdue"
