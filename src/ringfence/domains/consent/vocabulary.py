"""Words of consent, as the REST API and the rows have them."""

from __future__ import annotations

from enum import StrEnum


class ConsentScope(StrEnum):
    """What a person allows or refuses; each is decided for itself."""

    MESSAGING_MARKETING = "messaging_marketing"
    MESSAGING_INFORMATIONAL = "messaging_informational"
    RECORDING = "recording"
    AI_PROCESSING = "ai_processing"
    TRAINING = "training"
    """Models learn from what the person said."""
    MARKETING = "marketing"
    """Their data is opened to market anything."""
    COOKIES_ANALYTICS = "cookies_analytics"
    COOKIES_ADS = "cookies_ads"
    SALE_OR_SHARING = "sale_or_sharing"
    TARGETED_ADS = "targeted_ads"
    PROFILING = "profiling"
    CPNI_USE = "cpni_use"
    """Marketing by customer proprietary network information (47 CFR 64.2007)."""


class ConsentState(StrEnum):
    """What one piece of evidence says."""

    GRANTED = "granted"
    DENIED = "denied"
    """Asked, and refused."""
    WITHDRAWN = "withdrawn"
    """It may have been granted before; from now on it is not."""


REFUSALS = frozenset({ConsentState.DENIED, ConsentState.WITHDRAWN})


class ConsentMethod(StrEnum):
    """How the person said so."""

    WEB_FORM = "web_form"
    PHONE_KEYPRESS = "phone_keypress"
    SPOKEN = "spoken"
    TEXT_MESSAGE = "text_message"
    """Such as START or STOP."""
    WRITTEN = "written"
    EMAIL = "email"
    API = "api"
    """A program of the business customer, which answers for it."""
    RIGHTS_REQUEST = "rights_request"
    GPC_SIGNAL = "gpc_signal"
    """Global Privacy Control: the browser says no for the person."""


GPC_SCOPES = frozenset({ConsentScope.SALE_OR_SHARING, ConsentScope.TARGETED_ADS})
"""What the signal of Global Privacy Control opts out of, whatever the profile."""


class ConsentMode(StrEnum):
    """What holds where a person said nothing."""

    OPT_IN = "opt_in"
    """No, until they say yes."""
    OPT_OUT = "opt_out"
    """Yes, until they say no."""
    NEVER = "never"
    """No, whatever they say: the profile promises it."""
