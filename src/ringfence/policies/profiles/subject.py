"""What the subject may do, is asked and is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence.policies.profiles.parameters import Count, Flag, Span, Stricter
from ringfence.policies.profiles.period import Period
from ringfence.policies.profiles.vocabulary import (
    ChangeMode,
    ChildData,
    Consent,
    Cookies,
    CpniUse,
    Intake,
    Notice,
    Right,
)
from ringfence.policies.profiles.words import Owed, Rank

LOWER, HIGHER = Stricter.LOWER, Stricter.HIGHER


@dataclass(frozen=True, slots=True)
class Deadlines:
    """From receipt of a request to its answer, by the subject's regime; never beyond its law."""

    us_tx: Annotated[Period, Span("TDPSA", "row 7, CTX-05.C-05", LOWER, most="45 days")]
    us_ca: Annotated[Period, Span("CCPA/CPRA", "row 7, SIP-10.3-05", LOWER, most="45 days")]
    us_ct: Annotated[Period, Span("CTDPA", "row 7, SIP-10.3-05", LOWER, most="45 days")]
    us_co: Annotated[Period, Span("CPA", "row 7, SIP-10.3-05", LOWER, most="45 days")]
    us_va: Annotated[Period, Span("VCDPA", "row 7, SIP-10.3-05", LOWER, most="45 days")]
    us_ut: Annotated[Period, Span("UCPA", "row 7, SIP-10.3-05", LOWER, most="45 days")]
    eu: Annotated[Period, Span("GDPR", "row 7, GDPR 12(3)", LOWER, most="1 month")]
    other: Annotated[
        Period, Span("Wherever else, and unknown", "row 7, SIP-09.4-03", LOWER, most="45 days")
    ]


@dataclass(frozen=True, slots=True)
class Rights:
    granted: Annotated[frozenset[Right], Owed("Rights of every subject", "SIP-09.4-03", of=Right)]
    intake: Annotated[frozenset[Intake], Owed("Ways to ask", "SIP-10.3-01", of=Intake)]
    deadline: Deadlines
    us_extension: Annotated[
        Period, Span("Once, with a reason; US regimes", "TDPSA, CCPA", LOWER, most="45 days")
    ]
    eu_extension: Annotated[
        Period, Span("Once, with a reason; EU", "GDPR 12(3)", LOWER, most="2 months")
    ]
    acknowledge_within: Annotated[
        Period, Span("From receipt to acknowledgement", "CCPA", LOWER, most="10 business days")
    ]
    opt_out_within: Annotated[
        Period, Span("From an opt-out to its effect", "CCPA", LOWER, most="15 business days")
    ]
    verify_identity: Annotated[
        bool,
        Flag(
            "Nothing is done before the subject is verified",
            "CTX-05.C-04",
            strict=True,
            required=True,
        ),
    ]
    honour_gpc: Annotated[
        bool, Flag("Global Privacy Control opts out", "CCPA, CPA", strict=True, required=True)
    ]


@dataclass(frozen=True, slots=True)
class Age:
    minimum: Annotated[
        int, Count("To sign up", "row 9, COPPA", HIGHER, unit="years", least=13, most=21)
    ]
    child_data: Annotated[
        ChildData, Rank("What becomes of a child's data once it is known", "row 9", of=ChildData)
    ]
    parent_reports: Annotated[
        bool, Flag("A parent may report a child's data", "SIP-11.0-03", strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Change:
    """A new version of the policy."""

    notice_days: Annotated[
        int,
        Count(
            "From notice to effect", "row 10, CMX-14.0-01", HIGHER, unit="days", least=0, most=365
        ),
    ]
    mode: Annotated[ChangeMode, Rank("How it comes into force", "row 10", of=ChangeMode)]
    consent_if_rights_reduced: Annotated[
        bool,
        Flag(
            "The old terms hold until consent where rights shrink",
            "row 10, SIP-13.0-04",
            strict=True,
        ),
    ]
    summary: Annotated[bool, Flag("What changed is summarised", "SIP-13.0-03", strict=True)]
    archive: Annotated[bool, Flag("Former versions stay published", "SIP-13.0-05", strict=True)]


@dataclass(frozen=True, slots=True)
class CookieUse:
    """By category, where the visitor's region asks for no consent; elsewhere on means consent."""

    performance: Annotated[Cookies, Rank("Analytics", "row 17, SIP-06.1-02", of=Cookies)]
    functional: Annotated[Cookies, Rank("Preferences", "row 17, SIP-06.1-03", of=Cookies)]
    ads: Annotated[Cookies, Rank("Advertising attribution", "row 17, CLX-09.0-03", of=Cookies)]
    session_replay: Annotated[
        Cookies, Rank("Replay of own pages", "row 22, SIP-01.4-05", of=Cookies)
    ]
    replay_masked: Annotated[
        bool, Flag("Inputs are masked at the source", "row 22", strict=True, required=True)
    ]
    dni_cookie_free: Annotated[
        bool,
        Flag("The tracking snippet sets none", "row 17, CMX-08.3-01", strict=True, required=True),
    ]
    banner: Annotated[bool, Flag("A banner asks by category", "SIP-06.2-02", strict=True)]


@dataclass(frozen=True, slots=True)
class Messaging:
    opt_out_within: Annotated[
        Period, Span("From STOP to its effect", "SIP-02.2-02, TCPA", LOWER, most="10 business days")
    ]
    confirmations: Annotated[
        int, Count("Messages after STOP", "CTX-02.F-08", LOWER, unit="messages", least=0, most=1)
    ]
    confirm_within_minutes: Annotated[
        int,
        Count(
            "From STOP to its confirmation",
            "CTX-02.F-08, TCPA",
            LOWER,
            unit="minutes",
            least=1,
            most=5,
        ),
    ]
    revoke_all: Annotated[
        bool, Flag("STOP to one programme ends all", "TCPA, from 31 January 2027", strict=True)
    ]
    history: Annotated[
        bool, Flag("Texts are kept without being asked to", "CTX-01.C-03", strict=False)
    ]


@dataclass(frozen=True, slots=True)
class Consents:
    recording: Annotated[
        Consent,
        Rank("Who is told before a call is recorded", "CMX-05.0-04, SIP-05.1-05", of=Consent),
    ]
    recording_by_default: Annotated[
        bool,
        Flag("Recording is on without being asked for", "CMX-05.0-01", strict=False, required=True),
    ]
    prompt_first: Annotated[
        bool, Flag("The prompt precedes the first frame", "CMX-05.0-02", strict=True, required=True)
    ]
    ai_by_default: Annotated[
        bool, Flag("AI features run without being asked for", "CTX-02.C-01", strict=False)
    ]
    biometrics: Annotated[
        bool, Flag("Voice prints need explicit consent", "SIP-05.2-04", strict=True, required=True)
    ]
    marketing: Annotated[
        bool, Flag("Marketing needs consent", "CMX-02.0-14, SIP-04.4-04", strict=True)
    ]
    cpni: Annotated[
        CpniUse,
        Rank("Marketing of the operator's other services by CPNI", "CTX-02.G-02", of=CpniUse),
    ]
    cpni_third_party: Annotated[
        bool, Flag("CPNI markets products of others", "CTX-02.G-01", strict=False, required=True)
    ]
    terms_accepted: Annotated[
        bool, Flag("Acceptance of the policy is recorded at sign-in", "CLX-01.0-02", strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Notices:
    given: Annotated[
        frozenset[Notice], Owed("What is told when it matters", "regulation", of=Notice)
    ]
