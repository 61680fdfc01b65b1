"""When a breach is told to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence.policies.profiles.parameters import Count, Flag, Span, Stricter
from ringfence.policies.profiles.period import Period
from ringfence.policies.profiles.vocabulary import Trigger
from ringfence.policies.profiles.words import Rank

LOWER, HIGHER = Stricter.LOWER, Stricter.HIGHER


@dataclass(frozen=True, slots=True)
class Clock:
    """One recipient."""

    trigger: Annotated[Trigger, Rank("From when it runs", "row 8", of=Trigger)]
    not_before: Annotated[
        Period, Span("The law forbids telling earlier", "row 8", HIGHER, most="30 days")
    ]
    not_after: Annotated[Period, Span("The latest", "row 8", LOWER, least="1 hour", most="60 days")]
    threshold: Annotated[
        int, Count("Told from so many affected", "row 8", LOWER, unit="persons", least=1, most=500)
    ]


@dataclass(frozen=True, slots=True)
class Breach:
    customers: Clock
    """Law: 47 CFR 64.2011 amended 30 days; Texas 521.053 60 days."""
    state_ag: Clock
    """Attorney general of Texas and its like: 30 days, from 250 residents."""
    federal: Clock
    """FCC, Secret Service, FBI by the central portal: 7 business days."""
    authority: Clock
    """Supervisory authority, GDPR 33: 72 hours from awareness."""
    police_hold: Annotated[
        Period,
        Span(
            "Customers are not told after police was, 47 CFR 64.2011",
            "row 8",
            HIGHER,
            most="30 days",
        ),
    ]
    police_hold_published: Annotated[
        bool, Flag("The policy says that the hold comes before its own clock", "row 8", strict=True)
    ]
    report: Annotated[bool, Flag("Who is affected gets a report", "SIP-07.4-04", strict=True)]
