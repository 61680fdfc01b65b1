"""What the service does with content, where, and who else sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence.policies.profiles.parameters import Count, Flag, Stricter
from ringfence.policies.profiles.service_vocabulary import (
    Custody,
    Edge,
    Evidence,
    Feature,
    MediaMode,
    Owner,
    PingField,
    Playback,
    Region,
    Safeguard,
    Srtp,
    SupportHours,
    Tls,
    Training,
)
from ringfence.policies.profiles.words import Allowed, Owed, Rank

LOWER, HIGHER = Stricter.LOWER, Stricter.HIGHER


@dataclass(frozen=True, slots=True)
class Media:
    mode: Annotated[MediaMode, Rank("Of every call", "row 12, SIP-07.1-01", of=MediaMode)]
    e2ee_offered: Annotated[
        bool,
        Flag("A call may be end to end; the features are refused for it", "row 12", strict=True),
    ]
    srtp: Annotated[Srtp, Rank("The weakest cipher of media", "row 14, CTX-04.A-03", of=Srtp)]
    features: Annotated[
        frozenset[Feature], Allowed("What the server does with sound", "row 12", of=Feature)
    ]


@dataclass(frozen=True, slots=True)
class Transport:
    tls: Annotated[Tls, Rank("The least version", "row 14, CMX-06.0-02", of=Tls)]
    claims_all: Annotated[
        bool, Flag("Claims that nothing goes below it", "row 14, SIP-07.1-02", strict=True)
    ]
    exceptions: Annotated[frozenset[Edge], Allowed("Where something does", "row 14", of=Edge)]
    exceptions_published: Annotated[
        bool, Flag("The policy names the exceptions", "row 14", strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Recordings:
    key_custody: Annotated[Custody, Rank("Who holds the keys", "row 13, CCA-05.0-03", of=Custody)]
    key_agent: Annotated[
        bool,
        Flag(
            "The customer's key agent may open one object at a time, audited",
            "row 13",
            strict=False,
        ),
    ]
    operator_playback: Annotated[
        Playback, Rank("When the operator's staff may listen", "row 19, CMX-03.0-03", of=Playback)
    ]
    supervisors: Annotated[
        bool, Flag("The tenant's own supervisors may listen by role", "row 19", strict=False)
    ]
    payment_paused: Annotated[
        bool,
        Flag(
            "Nothing is kept while card data is said", "PCI DSS 3.3.1", strict=True, required=True
        ),
    ]


@dataclass(frozen=True, slots=True)
class Learning:
    mode: Annotated[
        Training, Rank("What models learn from content", "row 15, CTX-01.C-08", of=Training)
    ]
    consent_basis: Annotated[
        bool, Flag("Only of subjects with a consent on record", "row 15", strict=True)
    ]
    min_group: Annotated[
        int,
        Count(
            "Persons behind each published or learned figure",
            "CTX-02.C-08",
            HIGHER,
            unit="persons",
            least=2,
            most=1000,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose data it is; each has one owner."""

    customer_data: Annotated[Owner, Rank("Callers, leads, CRM", "CLX-05.A-01", of=Owner)]
    recordings: Annotated[Owner, Rank("Recordings", "row 16, CLX-02.A-07, CLX-02.C-01", of=Owner)]
    transcripts: Annotated[Owner, Rank("Transcripts, summaries", "row 16, CLX-02.A-08", of=Owner)]
    aggregates: Annotated[Owner, Rank("Anonymised aggregates", "CLX-03.C-05", of=Owner)]


@dataclass(frozen=True, slots=True)
class Residency:
    allowed: Annotated[
        frozenset[Region], Allowed("Where data may be stored, backed up, sent", "row 11", of=Region)
    ]
    transfers: Annotated[
        bool,
        Flag("It may leave its country, with a safeguard", "row 11, CMX-11.0-02", strict=False),
    ]
    safeguards: Annotated[
        frozenset[Safeguard], Allowed("That make a transfer lawful", "CCA-07.0-01", of=Safeguard)
    ]


@dataclass(frozen=True, slots=True)
class Disclosure:
    sale: Annotated[
        bool, Flag("The operator sells personal data", "row 20, CCPA", strict=False, required=True)
    ]
    buyer_contract: Annotated[
        bool,
        Flag(
            "A lead goes to a buyer by the customer's contract only",
            "row 20",
            strict=True,
            required=True,
        ),
    ]
    aggregates_shared: Annotated[
        bool, Flag("Anonymised aggregates go to others", "row 20, CLX-03.C-04", strict=False)
    ]
    ping_fields: Annotated[
        frozenset[PingField],
        Allowed("What a buyer learns before it bids", "CMX-04.0-04", of=PingField),
    ]
    min_zip_population: Annotated[
        int,
        Count(
            "People in a ZIP that a ping may name",
            "row 18",
            HIGHER,
            unit="people",
            least=0,
            most=1_000_000,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Staff:
    offshore: Annotated[bool, Flag("Support may sit abroad", "row 19, CTX-03.B-02", strict=False)]
    us_transfer: Annotated[
        bool, Flag("The customer may ask for somebody in the US", "CTX-03.B-03", strict=True)
    ]
    admin_mfa: Annotated[
        bool, Flag("Administrators have a second factor", "SIP-07.1-04", strict=True)
    ]
    hours: Annotated[SupportHours, Rank("When somebody is there", "CTX-03.B-01", of=SupportHours)]


@dataclass(frozen=True, slots=True)
class Proofs:
    claimed: Annotated[
        frozenset[Evidence], Allowed("Claims in the policy's text", "row 23", of=Evidence)
    ]
    on_file: Annotated[
        frozenset[Evidence], Owed("Documents that the operator holds", "row 23", of=Evidence)
    ]
