"""The whole set of values. Each has a meaning, a unit and a source, in its annotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ringfence.policies.catalogue import System
from ringfence.policies.profiles.breach import Breach
from ringfence.policies.profiles.parameters import Flag
from ringfence.policies.profiles.retention import Deletion, Retention
from ringfence.policies.profiles.service import (
    Disclosure,
    Learning,
    Media,
    Ownership,
    Proofs,
    Recordings,
    Residency,
    Staff,
    Transport,
)
from ringfence.policies.profiles.subject import (
    Age,
    Change,
    Consents,
    CookieUse,
    Messaging,
    Notices,
    Rights,
)
from ringfence.policies.profiles.texts import Name, Remarks
from ringfence.policies.profiles.words import Allowed


@dataclass(frozen=True, slots=True)
class Profile:
    """One complete policy, as values. Only ``compile_profile`` and ``merge`` make one."""

    name: Annotated[str, Name("What it is called", "-")]
    text_of: Annotated[
        frozenset[System],
        Allowed(
            "Whose text it states, clause by clause; none: it claims what its values keep",
            "-",
            of=System,
        ),
    ]
    carrier: Annotated[
        bool,
        Flag(
            "The operator is a carrier: 47 USC 222, 47 CFR 42.6, 64.2011 hold", "row 1", strict=True
        ),
    ]
    retention: Retention
    deletion: Deletion
    rights: Rights
    breach: Breach
    age: Age
    change: Change
    consents: Consents
    messaging: Messaging
    cookies: CookieUse
    notices: Notices
    media: Media
    transport: Transport
    recordings: Recordings
    learning: Learning
    ownership: Ownership
    residency: Residency
    disclosure: Disclosure
    staff: Staff
    evidence: Proofs
    notes: Annotated[
        frozenset[tuple[str, str]],
        Remarks("By path: our reading where the text gives no number, and why", "row 1 ff."),
    ]
    not_claimed: Annotated[
        frozenset[tuple[str, str]],
        Remarks("By clause id: why the text's own clause is left out", "row 12 ff."),
    ]
