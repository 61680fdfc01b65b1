"""What a profile makes of silence, and what of an answer."""

from __future__ import annotations

from ringfence.domains.consent.vocabulary import (
    REFUSALS,
    ConsentState,
)
from ringfence.domains.consent.vocabulary import ConsentMode as Mode
from ringfence.domains.consent.vocabulary import ConsentScope as Scope
from ringfence.policies.profiles import Profile
from ringfence.policies.profiles.service_vocabulary import Training
from ringfence.policies.profiles.vocabulary import Cookies, CpniUse

_COOKIES = {
    Cookies.ON: Mode.OPT_OUT,
    Cookies.CONSENT: Mode.OPT_IN,
    Cookies.OFF: Mode.NEVER,
}
_CPNI = {
    CpniUse.OPT_OUT: Mode.OPT_OUT,
    CpniUse.OPT_IN: Mode.OPT_IN,
    CpniUse.NEVER: Mode.NEVER,
}


def mode_of(scope: Scope, profile: Profile) -> Mode:
    """Of one scope under a profile.

    Texts need consent by law (47 CFR 64.1200), and what models learn from a person always does.
    Recording has its prompt: who stays on the line after it was told, and may say no at any time.
    """
    match scope:
        case Scope.MESSAGING_MARKETING | Scope.MESSAGING_INFORMATIONAL:
            return Mode.OPT_IN
        case Scope.AI_PROCESSING:
            return Mode.OPT_OUT if profile.consents.ai_by_default else Mode.OPT_IN
        case Scope.TRAINING:
            return Mode.NEVER if profile.learning.mode is Training.NONE else Mode.OPT_IN
        case Scope.MARKETING:
            return Mode.OPT_IN if profile.consents.marketing else Mode.OPT_OUT
        case Scope.COOKIES_ANALYTICS:
            return _COOKIES[profile.cookies.performance]
        case Scope.COOKIES_ADS:
            return _COOKIES[profile.cookies.ads]
        case Scope.CPNI_USE:
            return _CPNI[profile.consents.cpni]
        case Scope.RECORDING | Scope.SALE_OR_SHARING | Scope.TARGETED_ADS | Scope.PROFILING:
            return Mode.OPT_OUT


def allows(mode: Mode, state: ConsentState | None) -> bool:
    """Whether a use may be made; ``state`` None: the person said nothing."""
    if mode is Mode.NEVER or state in REFUSALS:
        return False
    return mode is Mode.OPT_OUT or state is ConsentState.GRANTED
