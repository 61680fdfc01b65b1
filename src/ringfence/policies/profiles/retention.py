"""How long each category of data is kept, and what its end looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence.policies.profiles.parameters import Count, Flag, Span, Stricter
from ringfence.policies.profiles.period import Period
from ringfence.policies.profiles.texts import Texts
from ringfence.policies.profiles.vocabulary import Cascade
from ringfence.policies.profiles.words import Rank

LOWER, HIGHER = Stricter.LOWER, Stricter.HIGHER


@dataclass(frozen=True, slots=True)
class Keep:
    """One category. An item ends at the earlier of its start + ``active`` and the account's closing
    + ``after_closure``, but never before its start + ``legal_floor``."""

    active: Annotated[
        Period,
        Span(
            "While the account is active, from the item's start",
            "row 1",
            LOWER,
            most="forever",
            never_below="legal_floor",
        ),
    ]
    after_closure: Annotated[
        Period, Span("From the closing of the account", "row 2", LOWER, most="forever")
    ]
    legal_floor: Annotated[
        Period,
        Span("The law keeps it so long, from the item's start; 0 days: no law", "row 1", HIGHER),
    ]
    tenant_min: Annotated[
        Period,
        Span(
            "The least that a tenant may choose in place of active",
            "CTX-04.B-04",
            LOWER,
            most="forever",
            never_below="legal_floor",
        ),
    ]
    tenant_max: Annotated[
        Period,
        Span(
            "The most that a tenant may choose; both as active: no choice",
            "CTX-04.B-04",
            LOWER,
            most="forever",
            never_below="legal_floor",
        ),
    ]
    reasons: Annotated[
        frozenset[str], Texts("Purpose and legal basis, as published", "SIP-08.1-07, CTX-04.B-02")
    ]


@dataclass(frozen=True, slots=True)
class Retention:
    """The categories; what starts an item's clock stands behind each."""

    cdr: Keep
    """Call detail and routing; end of the call."""
    recordings: Keep
    """Audio of calls; end of the recording."""
    voicemail: Keep
    """Audio of messages; end of the recording."""
    transcripts: Keep
    """Transcripts, summaries, scores; end of the call."""
    sms_logs: Keep
    """Messages and their delivery; sending or receipt."""
    messaging_consents: Keep
    """Evidence of consent; the consent's end, or its last use."""
    suppression: Keep
    """Keyed hash of a number that said STOP, event and time; the STOP."""
    account_profile: Keep
    """Names, contacts, settings; creation."""
    tax_record: Keep
    """The least that tax law wants of an account; the record."""
    ledger: Keep
    """Transactions, pseudonymous once the profile is gone; the transaction."""
    support: Keep
    """Tickets and conversations; closing of the ticket."""
    dni_sessions: Keep
    """Visitors of tracked pages; the last page."""
    emergency_calls: Keep
    """Emergency calls and locations; end of the call."""
    logs: Keep
    """Access and error logs; the line."""
    cpni_notices: Keep
    """Notices, opt-outs and campaigns that used CPNI; the notice."""
    aggregates: Keep
    """Anonymised aggregates; their making."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What the end of data looks like."""

    notice_promised: Annotated[
        bool,
        Flag(
            "The customer is told before an automatic deletion", "row 5, SIP-08.2-03", strict=True
        ),
    ]
    notice_days: Annotated[
        int,
        Count(
            "From notice to deletion; 0: no notice", "row 5", HIGHER, unit="days", least=0, most=90
        ),
    ]
    on_request_within: Annotated[
        Period,
        Span(
            "From a verified request to the deletion", "row 7, CMX-09.3-01", LOWER, most="45 days"
        ),
    ]
    reactivation: Annotated[
        Period,
        Span(
            "From closing: the account may come back with all data",
            "CMX-07.0-03",
            LOWER,
            most="1 year",
        ),
    ]
    ai_purge_within: Annotated[
        Period,
        Span(
            "From a transcript's deletion to its absence at AI processors",
            "CTX-05.D-02",
            LOWER,
            most="45 days",
        ),
    ]
    transcript_cascade: Annotated[
        Cascade, Rank("What of a recording's end takes its transcript with it", "row 4", of=Cascade)
    ]
    unrecoverable: Annotated[
        bool,
        Flag("Claims that what was deleted cannot be recovered", "row 6, SIP-08.2-02", strict=True),
    ]
    crypto_erase: Annotated[
        bool,
        Flag("Keys are destroyed, and no backup holds them", "row 6, SP 800-88r2", strict=True),
    ]
    backup_age: Annotated[
        Period, Span("The oldest backup that is kept", "row 6", LOWER, most="1 year")
    ]
    tax_records_separate: Annotated[
        bool,
        Flag(
            "Minimised tax records and ledger outlive the profile, as published",
            "rows 2, 3",
            strict=True,
        ),
    ]
    suppression_survives: Annotated[
        bool, Flag("STOP outlives the erasure of who said it", "row 21", strict=True, required=True)
    ]
