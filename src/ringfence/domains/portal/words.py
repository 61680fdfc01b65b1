"""What the portal says of kinds, laws and states, in words of people who are no lawyers."""

from __future__ import annotations

from typing import Any

from ringfence.domains.portal.contracts import Wish
from ringfence.domains.privacy.api import is_copy, is_open, may_appeal
from ringfence.domains.privacy.contracts import (
    Jurisdiction,
    Method,
    Refusal,
    RightsInfo,
    RightsKind,
    RightsState,
)
from ringfence.kernel.ids import Prefix, public_id

WISHES = (
    (Wish.ACCESS.value, "See what you hold of me", "A copy of everything, to read."),
    (Wish.PORTABILITY.value, "Take my data along", "The same copy, for another service."),
    (Wish.DELETION.value, "Erase me", "Everything of mine goes, for good."),
    (
        Wish.RESTRICTION.value,
        "Stop using my data",
        "It is kept, and used for nothing but claims and my own requests.",
    ),
    (Wish.RESTRICTION_END.value, "Use my data again", "Ends such a stop."),
    (
        Wish.OBJECTION.value,
        "I object",
        "No marketing, no training of software, no support with my data.",
    ),
    (
        Wish.CORRECTION.value,
        "Something is wrong",
        "Say what is wrong and what is right. It stays beside your data either way.",
    ),
    (Wish.STATUS.value, "See how my earlier requests are", "Nothing new is asked."),
)
OPT_OUT_WISHES = (
    (
        Wish.OPT_OUT_SALE.value,
        "Do not sell or share my data",
        "To nobody, and not for advertising by others.",
    ),
    (Wish.OPT_OUT_ADS.value, "No targeted advertising", "Nothing is advertised to me by my data."),
    (
        Wish.OPT_OUT_PROFILING.value,
        "No profiling",
        "Nothing that matters to me is decided by a profile of me.",
    ),
    (
        Wish.OPT_OUT_CPNI.value,
        "No marketing by my call records",
        "Whom I called, when and how long is used to give me the service, and to sell me nothing.",
    ),
)
"""Each holds at once, and no code is asked for."""
CHILD_WISHES = (
    (
        Wish.CHILD.value,
        "This is a child's number or address",
        "From now on nothing that is held of it is used. A person looks at your report, and all of"
        " it is erased.",
    ),
)
"""As an opt-out, by anybody; it is about somebody else."""
JURISDICTIONS = (
    (Jurisdiction.US_CA.value, "California"),
    (Jurisdiction.US_OTHER.value, "Another state of the US"),
    (Jurisdiction.EU.value, "The EU, the EEA, the United Kingdom or Switzerland"),
    (Jurisdiction.EU.value, "Somewhere else"),
)
"""Elsewhere the shortest time holds."""
_KINDS = {
    RightsKind.ACCESS: "Copy of your data",
    RightsKind.PORTABILITY: "Data to take along",
    RightsKind.DELETION: "Erasure",
    RightsKind.RESTRICTION: "Stop of use",
    RightsKind.RESTRICTION_END: "End of a stop of use",
    RightsKind.OBJECTION: "Objection",
    RightsKind.CORRECTION: "Correction",
    RightsKind.OPT_OUT_SALE: "Opt-out of sale and sharing",
    RightsKind.OPT_OUT_ADS: "Opt-out of targeted advertising",
    RightsKind.OPT_OUT_PROFILING: "Opt-out of profiling",
    RightsKind.OPT_OUT_CPNI: "Opt-out of marketing by call records",
    RightsKind.CHILD: "Report of a child",
    RightsKind.APPEAL: "Appeal",
}
_NOT_BY_THEM = (Method.NOT_NEEDED, Method.AUTHORITY, Method.CONFIRMED)
"""Nobody proved that it is the person themselves who asks."""
_STATES = {
    RightsState.RECEIVED: "received; a person looks at it",
    RightsState.VERIFIED: "being worked on",
    RightsState.RUNNING: "being worked on",
    RightsState.DONE: "done",
    RightsState.REFUSED: "refused",
}
_REFUSALS = {
    Refusal.NOT_VERIFIED: "It could not be made sure that it is you who asks.",
    Refusal.UNFOUNDED: "There was no ground for it.",
    Refusal.EXCESSIVE: "It was asked too often.",
    Refusal.LAW_REQUIRES_KEEPING: "The law requires us to keep this.",
    Refusal.LEGAL_HOLD: "It is needed for a legal claim.",
    Refusal.WITHDRAWN: "You took it back.",
}


def kind_words(wish: Wish) -> str:
    """Of what somebody asked, in words. Raises KeyError for a look at earlier requests."""
    return _KINDS[RightsKind(wish)]


def shown_request(info: RightsInfo, *, fetch: bool, appealed: bool) -> dict[str, Any]:
    """A request for the page. ``fetch``: its package may be fetched on this visit."""
    nothing = info.receipt is not None and info.receipt.get("result", {}).get("held") is False
    return {
        "id": public_id(Prefix.RIGHTS_REQUEST, info.id),
        "kind": _KINDS[info.kind],
        "state": _STATES[info.state],
        "good": info.state is RightsState.DONE,
        "warn": info.state is RightsState.REFUSED,
        "open": is_open(info.state),
        "received_at": info.received_at,
        "verified_at": None if info.method in _NOT_BY_THEM else info.verified_at,
        "completed_at": info.completed_at,
        "due_at": info.extended_until or info.due_at,
        "extended": info.extended_until is not None,
        "why": _REFUSALS[info.refusal] if info.refusal else "",
        "nothing": nothing,
        "receipt": info.receipt is not None,
        "package": fetch and is_copy(info.kind) and info.package_bytes is not None,
        "gone": info.state is RightsState.DONE
        and is_copy(info.kind)
        and info.package_bytes is None
        and not nothing,
        "appeal": may_appeal(info.kind, info.state, info.refusal) and not appealed,
    }
