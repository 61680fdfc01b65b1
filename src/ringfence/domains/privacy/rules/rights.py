"""When a rights request must be answered, when that may be put off, and what follows what."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfence.domains.privacy.rights_vocabulary import (
    OPT_OUTS,
    Jurisdiction,
    Method,
    Refusal,
    RightsKind,
    RightsState,
    Urgency,
)
from ringfence.policies.profiles.period import Period, Unit
from ringfence.policies.profiles.subject import Rights

SOON = timedelta(days=7)
"""This long before the end a request is urgent."""
_FRIDAY = 4
_STATES = RightsState

_LAW = {
    Jurisdiction.US_CA: (Period(45, Unit.DAYS), Period(45, Unit.DAYS)),
    Jurisdiction.EU: (Period(1, Unit.MONTHS), Period(2, Unit.MONTHS)),
    Jurisdiction.US_OTHER: (Period(45, Unit.DAYS), Period(45, Unit.DAYS)),
}
"""Most that the law gives, and gives once more: 11 CCR 7021(b), GDPR article 12(3); elsewhere in
the US what the states' laws have alike (TDPSA 541.052 and others)."""
_APPEAL = {
    Jurisdiction.US_CA: Period(45, Unit.DAYS),
    Jurisdiction.EU: Period(1, Unit.MONTHS),
    Jurisdiction.US_OTHER: Period(45, Unit.DAYS),
}
"""Most for the answer to an appeal: 45 days of Colorado, the shortest of the states that know one
(others 60); where the law knows none, as for a request."""
_OPT_OUT = Period(15, Unit.BUSINESS_DAYS)
"""Most from an opt-out to its effect, under any law (11 CCR 7026(f))."""
_RECEIPT = timedelta(days=1)
_CHILD = Period(3, Unit.DAYS)
"""From a report of a child to its erasure: a parent may ask for it at any time (16 CFR
312.6(a)(2)), and it is done without undue delay (GDPR article 17(1)(f))."""
OBJECTED = ("marketing", "training", "support")
"""Purposes that an objection ends; what a contract or the law asks for goes on."""
_NEXT = {
    _STATES.RECEIVED: {_STATES.VERIFIED, _STATES.REFUSED},
    _STATES.VERIFIED: {_STATES.RUNNING, _STATES.REFUSED},
    _STATES.RUNNING: {_STATES.DONE},
    _STATES.DONE: set(),
    _STATES.REFUSED: set(),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How long an answer may take: what was promised, within the law's most."""

    deadline: Period
    extension: Period
    law: Period
    law_extension: Period
    acknowledgement: Period
    opt_out: Period
    """From an opt-out to its effect."""


def terms_of(jurisdiction: Jurisdiction, promised: Rights) -> Terms:
    """Of a profile's rights, for a person under this law."""
    law, more = _LAW[jurisdiction]
    deadlines = promised.deadline
    deadline, extension = {
        Jurisdiction.US_CA: (deadlines.us_ca, promised.us_extension),
        Jurisdiction.EU: (deadlines.eu, promised.eu_extension),
        Jurisdiction.US_OTHER: (deadlines.other, promised.us_extension),
    }[jurisdiction]
    acknowledge, opt_out = promised.acknowledge_within, promised.opt_out_within
    return Terms(deadline, extension, law, more, acknowledge, opt_out)


def after(moment: datetime, period: Period) -> datetime:
    """By the calendar: a month ends on the same day of the next one, or on its last; business days
    are Monday to Friday, so that a holiday never makes it later. Raises ValueError: no end."""
    match period.unit:
        case Unit.HOURS:
            return moment + timedelta(hours=period.amount)
        case Unit.DAYS:
            return moment + timedelta(days=period.amount)
        case Unit.BUSINESS_DAYS:
            left = period.amount
            while left:
                moment += timedelta(days=1)
                left -= moment.weekday() <= _FRIDAY
            return moment
        case Unit.MONTHS:
            month = moment.month - 1 + period.amount
            year, month = moment.year + month // 12, month % 12 + 1
            last = calendar.monthrange(year, month)[1]
            return moment.replace(year=year, month=month, day=min(moment.day, last))
    raise ValueError(f"{period} has no end")


def due_at(kind: RightsKind, received: datetime, terms: Terms) -> datetime:
    """As promised, and never later than the law: 30 days are more than a month in February. An
    opt-out holds at once; where that is promised, a day is left for its receipt."""
    if kind in OPT_OUTS:
        promised = min(after(received, terms.opt_out), after(received, _OPT_OUT))
        return max(promised, received + _RECEIPT)
    if kind is RightsKind.CHILD:
        return min(after(received, terms.deadline), after(received, _CHILD))
    return min(after(received, terms.deadline), after(received, terms.law))


def extended_until(received: datetime, terms: Terms) -> datetime:
    """The end after the one extension, which counts from the first one."""
    law = after(received, terms.law)
    if terms.law.unit is terms.law_extension.unit:
        whole = Period(terms.law.amount + terms.law_extension.amount, terms.law.unit)
        most = after(received, whole)
    else:
        most = after(law, terms.law_extension)
    due = min(after(received, terms.deadline), law)
    return min(after(due, terms.extension), most)


def appeal_due_at(received: datetime, jurisdiction: Jurisdiction, terms: Terms) -> datetime:
    """Until when an appeal is decided; it is not extended."""
    return min(after(received, _APPEAL[jurisdiction]), after(received, terms.deadline))


def acknowledge_by(received: datetime, terms: Terms) -> datetime:
    """Until when the person is told that the request came in."""
    return after(received, terms.acknowledgement)


def may_become(state: RightsState, wanted: RightsState) -> bool:
    """Whether a request may go from one state to the other."""
    return wanted in _NEXT[state]


def is_open(state: RightsState) -> bool:
    """Whether anything may follow it."""
    return bool(_NEXT[state])


def may_extend(
    kind: RightsKind, state: RightsState, extended: bool, now: datetime, due: datetime
) -> bool:
    """Once, while it is open, and before its end: the person must be told within it. An appeal,
    an opt-out and a report of a child have one time alone."""
    once = kind in (RightsKind.APPEAL, RightsKind.CHILD) or kind in OPT_OUTS
    return not once and is_open(state) and not extended and now <= due


def may_appeal(kind: RightsKind, state: RightsState, refusal: Refusal | None) -> bool:
    """Of what was refused; not of what the person took back, nor of an appeal; a child is
    reported anew."""
    refused = state is RightsState.REFUSED and refusal is not Refusal.WITHDRAWN
    return refused and kind not in (RightsKind.APPEAL, RightsKind.CHILD)


def urgency(state: RightsState, now: datetime, end: datetime) -> Urgency:
    """How near the end is, of a request in this state."""
    if not is_open(state):
        return Urgency.NONE
    if now > end:
        return Urgency.OVERDUE
    return Urgency.SOON if end - now <= SOON else Urgency.ON_TIME


def may_verify_by(method: Method, kind: RightsKind, *, by_agent: bool) -> bool:
    """Whether this makes known who asks; an opt-out needs nothing that does. Where somebody else
    asks for the person, it is their authority, and nothing that the person could show. That
    somebody is a child is confirmed, whoever said it."""
    if RightsKind.CHILD is kind or method is Method.CONFIRMED:
        return kind is RightsKind.CHILD and method is Method.CONFIRMED
    if by_agent and kind is not RightsKind.APPEAL:
        return method is Method.AUTHORITY
    return method is not Method.NOT_NEEDED


def is_copy(kind: RightsKind) -> bool:
    """Whether it is answered by a package."""
    return kind in (RightsKind.ACCESS, RightsKind.PORTABILITY)


def by_worker(kind: RightsKind) -> bool:
    """Whether a job of its own answers it once it is verified. A deletion is answered by its
    erasure, an appeal and a correction by a decision."""
    return not erases(kind) and not is_decided(kind)


def erases(kind: RightsKind) -> bool:
    """Whether the person is erased by it."""
    return kind in (RightsKind.DELETION, RightsKind.CHILD)


def is_decided(kind: RightsKind) -> bool:
    """Whether somebody decides it once it is verified."""
    return kind in (RightsKind.APPEAL, RightsKind.CORRECTION)
