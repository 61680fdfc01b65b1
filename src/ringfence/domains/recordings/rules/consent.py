"""Whether a call may be recorded without a prompt, and which rule says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence.domains.recordings.rules.consent_table import LAWS
from ringfence.domains.recordings.rules.jurisdiction import UNKNOWN, place_of

ALWAYS_ANNOUNCE = "always_announce"
"""Setting of a tenant that wants every recorded call announced; none makes the rule looser."""


@dataclass(frozen=True, slots=True)
class Consent:
    """``basis`` is the rule and the place that decided, such as ``all_party:CA``: no number."""

    announce: bool
    basis: str


def consent(numbers: Sequence[str], override: str | None = None) -> Consent:
    """What the places of all parties ask for; each number counts, an empty one is a withheld one.

    One party in a state that asks for everybody's consent, or in an unknown place, is enough for
    the prompt.
    """
    places = [place_of(number) for number in numbers] or [UNKNOWN]
    strict = next((place for place in places if _asks_everybody(place)), None)
    if strict is not None:
        return Consent(True, f"all_party:{strict}")
    if UNKNOWN in places:
        return Consent(True, UNKNOWN)
    if override is not None:
        return Consent(True, override)
    return Consent(False, f"one_party:{places[0]}")


def _asks_everybody(place: str) -> bool:
    return place != UNKNOWN and LAWS[place].kind != "one_party"
