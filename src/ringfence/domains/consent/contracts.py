"""What other domains and the entrances see of consent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.domains.consent.vocabulary import (
    ConsentMethod,
    ConsentMode,
    ConsentScope,
    ConsentState,
)
from ringfence.kernel.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class WordingInfo:
    """A text that people are asked by. It never changes: another text is another version."""

    id: UUID
    tenant_id: UUID
    scope: ConsentScope
    language: str
    """BCP 47, such as ``en`` or ``es-US``."""
    version: int
    """From 1, of this scope and language."""
    text: str
    hash: str
    """SHA-256 of the text in UTF-8, in hex."""
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class EvidenceInfo:
    """What a person, who is a random id here, said once."""

    id: UUID
    tenant_id: UUID
    seq: int
    """Its place in the tenant's chain, from 1."""
    person: UUID
    scope: ConsentScope
    state: ConsentState
    method: ConsentMethod
    wording_id: UUID | None
    wording_hash: str | None
    recorded_at: datetime
    actor: str
    """Who wrote it down."""
    source: str | None
    """Where it was said, such as the id of a call; None where it was not opened, or is gone."""
    digest: str


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """Evidence, newest first, and where the next page begins."""

    evidence: tuple[EvidenceInfo, ...]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class StandInfo:
    """What holds of one person and one scope now."""

    scope: ConsentScope
    allowed: bool
    state: ConsentState | None
    """What they said last; None: nothing."""
    mode: ConsentMode
    """What silence means under the tenant's profile."""
    since: datetime | None
    evidence: UUID | None
    """None with a state: the person was erased since, and their refusal goes on."""


@dataclass(frozen=True, slots=True)
class SubjectStands:
    """A person's consents; ``person`` None: nobody is known by that."""

    person: UUID | None
    stands: tuple[StandInfo, ...]


class SubjectUnknown(NotFound):
    """Nobody of this tenant is meant by that, or they were erased."""

    code = "person_unknown"


class SubjectInvalid(InvalidInput):
    """Consent is somebody's: give a number in E.164, an e-mail address, or the id of a person."""

    code = "nobody_named"


class WordingNotFound(NotFound):
    """No such wording for this tenant and scope."""

    code = "wording_not_found"


class WordingRequired(InvalidInput):
    """Who grants something was asked for it: say by which wording."""

    code = "wording_required"


class SignalSaysNo(InvalidInput):
    """Global Privacy Control refuses the sale or sharing of data and targeted advertising, and
    says nothing else."""

    code = "gpc_says_no"
