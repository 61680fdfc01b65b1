"""What a person's answers change in the key store, which refuses a use before anybody else can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringfence.domains.consent.rules.modes import allows, mode_of
from ringfence.domains.consent.vocabulary import REFUSALS, ConsentScope, ConsentState
from ringfence.policies.profiles import Profile

LISTS = {
    ConsentScope.MESSAGING_MARKETING: "no_messaging_marketing",
    ConsentScope.MESSAGING_INFORMATIONAL: "no_messaging_info",
    ConsentScope.RECORDING: "no_recording",
    ConsentScope.AI_PROCESSING: "no_ai_processing",
    ConsentScope.TRAINING: "no_training",
    ConsentScope.MARKETING: "no_marketing",
    ConsentScope.COOKIES_ANALYTICS: "no_cookies_analytics",
    ConsentScope.COOKIES_ADS: "no_cookies_ads",
    ConsentScope.SALE_OR_SHARING: "no_sale_or_sharing",
    ConsentScope.TARGETED_ADS: "no_targeted_ads",
    ConsentScope.PROFILING: "no_profiling",
    ConsentScope.CPNI_USE: "no_cpni_use",
}
"""By scope, the suppression list of who refused: it outlives their erasure. Names are for ever."""
PURPOSES = {ConsentScope.MARKETING: "marketing", ConsentScope.TRAINING: "training"}
"""Scopes that are purposes which personal data is opened for."""
ENDS = {ConsentScope.CPNI_USE: "marketing", ConsentScope.TARGETED_ADS: "marketing"}
"""Scopes whose refusal ends a purpose, whatever was consented to: what is opened here for marketing
is whom somebody called and when, which is CPNI and tells advertisers what they are after."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes true of one person."""

    consent: tuple[str, ...]
    """Purposes."""
    withdraw: tuple[str, ...]
    listed: tuple[str, ...]
    unlisted: tuple[str, ...]


def effect_of(states: Mapping[ConsentScope, ConsentState], profile: Profile) -> Effect:
    """Of everything that a person said. A scope that they said nothing of is left as it is."""
    purposes = {
        PURPOSES[scope]: allows(mode_of(scope, profile), state)
        for scope, state in states.items()
        if scope in PURPOSES
    }
    refused = {scope: state in REFUSALS for scope, state in states.items()}
    purposes |= {purpose: False for scope, purpose in ENDS.items() if refused.get(scope)}
    return Effect(
        consent=tuple(sorted(purpose for purpose, yes in purposes.items() if yes)),
        withdraw=tuple(sorted(purpose for purpose, yes in purposes.items() if not yes)),
        listed=tuple(sorted(LISTS[scope] for scope, no in refused.items() if no)),
        unlisted=tuple(sorted(LISTS[scope] for scope, no in refused.items() if not no)),
    )
