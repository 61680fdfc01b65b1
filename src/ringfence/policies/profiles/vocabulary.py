"""Words of the values about subjects and time; those of a Rank go from loosest to strictest."""

from enum import StrEnum


class Cascade(StrEnum):
    """What of a recording's end takes its transcript with it."""

    NONE = "none"
    EXPLICIT_DELETE = "explicit_delete"
    ANY = "any"


class Trigger(StrEnum):
    """From when a breach clock runs."""

    DETERMINATION = "determination"
    AWARENESS = "awareness"


class ChangeMode(StrEnum):
    """How a new policy comes into force."""

    CONTINUED_USE = "continued_use"
    POST = "post"
    NOTICE = "notice"
    CONSENT = "consent"


class ChildData(StrEnum):
    """What becomes of a child's data once it is known."""

    FREEZE = "freeze"
    DELETE = "delete"


class Right(StrEnum):
    ACCESS = "access"
    PORTABILITY = "portability"
    CORRECTION = "correction"
    DELETION = "deletion"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    OPT_OUT_SALE = "opt_out_sale"
    OPT_OUT_ADS = "opt_out_ads"
    OPT_OUT_PROFILING = "opt_out_profiling"
    OPT_OUT_CPNI = "opt_out_cpni"
    LIMIT_SENSITIVE = "limit_sensitive"
    WITHDRAW_CONSENT = "withdraw_consent"
    APPEAL = "appeal"


class Intake(StrEnum):
    PORTAL = "portal"
    EMAIL = "email"
    PHONE = "phone"
    LETTER = "letter"
    AGENT = "agent"
    API = "api"


class Consent(StrEnum):
    """Who must have been told before a call is recorded."""

    BY_STATE = "by_state"
    """The rules of both ends; an unknown place: all parties."""
    ALL_PARTY = "all_party"


class Cookies(StrEnum):
    ON = "on"
    """Unless the visitor objects; never where the region asks for consent."""
    CONSENT = "consent"
    OFF = "off"


class CpniUse(StrEnum):
    """Marketing of the operator's own other services by CPNI."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    NEVER = "never"


class Notice(StrEnum):
    """What somebody is told at the moment it matters."""

    RECORDING = "recording"
    EMERGENCY_LIMITS = "emergency_limits"
    OFFSHORE_SUPPORT = "offshore_support"
    CPNI_RIGHTS = "cpni_rights"
    MESSAGE_RATES = "message_rates"
    AI_VOICE = "ai_voice"
    TAX_RECORDS = "tax_records"
    """What survives a deletion, and by which rule."""
    NO_ABSOLUTE_SECURITY = "no_absolute_security"
    SUPERVISORY_AUTHORITY = "supervisory_authority"
