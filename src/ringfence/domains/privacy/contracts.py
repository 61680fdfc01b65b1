"""How a stored field is classified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ringfence.domains.privacy.rights_vocabulary import (
    OPT_OUTS as OPT_OUTS,
)
from ringfence.domains.privacy.rights_vocabulary import (
    AuthorityKind as AuthorityKind,
)
from ringfence.domains.privacy.rights_vocabulary import (
    Channel as Channel,
)
from ringfence.domains.privacy.rights_vocabulary import (
    ExtensionReason as ExtensionReason,
)
from ringfence.domains.privacy.rights_vocabulary import (
    Jurisdiction as Jurisdiction,
)
from ringfence.domains.privacy.rights_vocabulary import (
    Method as Method,
)
from ringfence.domains.privacy.rights_vocabulary import (
    Refusal as Refusal,
)
from ringfence.domains.privacy.rights_vocabulary import (
    RightsKind as RightsKind,
)
from ringfence.domains.privacy.rights_vocabulary import (
    RightsState as RightsState,
)
from ringfence.domains.privacy.rights_vocabulary import (
    StatementUse as StatementUse,
)
from ringfence.domains.privacy.rights_vocabulary import (
    Urgency as Urgency,
)
from ringfence.domains.privacy.rules.authority import Authority
from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


class Category(StrEnum):
    """What a personal value tells about a person."""

    IDENTIFIER = "identifier"
    """A number, name or address that points at the person."""
    TRAFFIC = "traffic"
    """When, how long, over what and with what outcome the person communicated."""
    CONTENT = "content"
    SECRET = "secret"  # noqa: S105 - a category
    """A credential; belongs to no data subject, never exported."""


class Purpose(StrEnum):
    """What a personal value may be used for."""

    SERVICE = "service"
    BILLING = "billing"
    FRAUD = "fraud"
    SUPPORT = "support"
    SECURITY = "security"


class Erasure(StrEnum):
    """What happens to the value when its person is erased."""

    DELETE_VALUE = "delete_value"
    """The column becomes NULL; what was sealed is unreadable before that, everywhere."""
    CLEAR_FACT = "clear_fact"
    """Stored in clear for search and order (country, area): the column becomes NULL, the keys
    ``json_keys`` leave their object."""
    BY_DOMAIN = "by_domain"
    """Its row names no person: its domain clears it (``register_person_cleanup``)."""
    KEEP_UNLINKED = "keep_unlinked"
    """The value stays; without the identifiers of its row it points at nobody."""
    NOT_SUBJECT = "not_subject"
    """Belongs to the business customer or the installation: ends with it."""


@dataclass(frozen=True, slots=True)
class FieldClass:
    """The classification of one model field."""

    model: str
    """``app.Model``."""
    field: str
    category: Category
    purposes: frozenset[Purpose]
    retention: str
    """Name of the retention rule that ends it."""
    export: bool
    """Whether the person's data export contains it."""
    erasure: Erasure
    role: str | None = None
    """Whose value it is: a role that a PersonId of the model names, or ``either`` for that of all
    its persons; None for no data subject."""
    number: int | None = None
    """Permanent number of a sealed field; never given to another field, also after removal."""
    copy_of: tuple[int, ...] = ()
    """Numbers of the sealed fields whose values stand here once more, byte for byte; such a field
    has no number of its own."""
    json_keys: tuple[str, ...] = ()
    """Keys of a JSON object that are clear facts; the rest of the object stays."""
    day_of: str = "id"
    """The column with the UUIDv7 whose time names the day that the value expires with."""


@dataclass(frozen=True, slots=True)
class NotPersonal:
    """A model field that tells nothing about a person, and why."""

    model: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class PersonId:
    """A column with the random id of a person. It links rows and stays when the person is erased;
    it says whose the sealed values and the clear facts of the row are."""

    model: str
    field: str
    role: str
    """Whom the row names here: ``caller``, ``callee``, ``party``, ``speaker`` …"""
    item: str | None = None
    """The column with the item whose content is this person's alone."""


@dataclass(frozen=True, slots=True)
class RowLink:
    """Rows that name no person themselves are those of whom the rows of another table name."""

    model: str
    field: str
    """Its value stands in ``to_field`` of a row of ``to``."""
    to: str
    to_field: str


Classification = FieldClass | NotPersonal | PersonId


class ClassificationError(Exception):
    """Two classifications contradict each other, or one lacks what it needs."""


class ErasureState(StrEnum):
    """How far a destruction is."""

    ORDERED = "ordered"
    DESTROYED = "destroyed"
    """The keys are dead, for everybody and in every copy."""
    CLEANED = "cleaned"
    """Rows and objects are cleared as well, but for what a legal hold keeps."""


END = "tenant"
"""Kind of the destruction of everything that a tenant has."""
RECORDS = "records"
"""Kind of the end of records that no key seals; also the category of their rules."""


@dataclass(frozen=True, slots=True)
class ErasureInfo:
    """One destruction: of persons, items, a day or all of one tenant."""

    id: UUID
    tenant_id: UUID
    kind: str
    """``person``, ``items``, ``bucket``, ``records`` or ``tenant``."""
    reason: str
    """``request``, ``erasure``, ``retention`` or ``closure``."""
    actor: str
    state: ErasureState
    ordered_at: datetime
    destroyed_at: datetime | None
    cleaned_at: datetime | None
    items: int
    """How many item keys died."""
    rows: int
    """How many rows were cleared."""
    escrowed: int
    """How many leaves a legal hold kept."""
    certificate: Mapping[str, Any] | None
    """Once it is cleaned: what it says, the installation's public ``key`` and its ``signature``."""


@dataclass(frozen=True, slots=True)
class HoldInfo:
    """A legal hold."""

    id: UUID
    tenant_id: UUID
    actor: str
    placed_at: datetime
    released_at: datetime | None
    leaves: int
    """How many leaves it covers."""


class ErasureNotFound(NotFound):
    """No such erasure for this tenant."""

    code = "erasure_not_found"


class HoldNotFound(NotFound):
    """No such hold for this tenant, or it was released."""

    code = "hold_not_found"


class PersonUnknown(NotFound):
    """Nobody of this tenant is meant by that."""

    code = "person_unknown"


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """Somebody asks for the person."""

    kind: AuthorityKind
    document_hash: str
    """SHA-256 of the document that says so, in hex; empty: none was shown."""
    expires_at: datetime | None = None
    agent: str = ""
    """Who it is; sealed with the person, as is ``reference``."""
    reference: str = ""
    """Where the document is kept."""


@dataclass(frozen=True, slots=True)
class RightsInfo:
    """One request of a person, who is a random id here."""

    id: UUID
    tenant_id: UUID
    kind: RightsKind
    person: UUID | None
    """None: nobody was meant when it came in."""
    jurisdiction: Jurisdiction
    channel: Channel
    state: RightsState
    received_at: datetime
    acknowledge_by: datetime
    due_at: datetime
    """As first set; ``extended_until`` is in its place once there is one."""
    extended_until: datetime | None
    extension_reason: ExtensionReason | None
    verified_at: datetime | None
    verified_by: str | None
    method: Method | None
    refusal: Refusal | None
    completed_at: datetime | None
    erasure_id: UUID | None
    evidence_id: UUID | None
    """Of an opt-out: the piece of consent evidence that says so."""
    authority: Authority | None
    """Of what an agent asks: by what right. The person themselves asks where there is none."""
    statement_use: StatementUse | None
    """Of a correction that was decided: what became of what the person said."""
    decided_by: str | None
    """Who refused it, or decided an appeal or a correction."""
    lifted_at: datetime | None
    """Of a report of a child: when a parent showed that it is none."""
    lifted_hash: str | None
    """SHA-256 of the document that they showed, in hex."""
    appeal_of: UUID | None
    """Of an appeal: what was refused."""
    follows_appeal: UUID | None
    """Of what was taken up again: the appeal that was granted."""
    package_bytes: int | None
    """Of a package that can be fetched."""
    urgency: Urgency
    receipt: Mapping[str, Any] | None
    """Once it is done: what was done, the installation's public ``key`` and its ``signature``."""


@dataclass(frozen=True, slots=True)
class RightsPage:
    """Requests, newest first, and where the next page begins."""

    requests: tuple[RightsInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class PackagePart:
    """A file of one domain in a person's package."""

    name: str
    """Its path: letters, digits, ``-``, ``.`` and ``/``."""
    about: Mapping[str, str]
    """What it is, for the list of files."""
    body: Iterator[bytes] | None
    error: str | None = None
    """Why there is none: the code of an error."""


class RightsRequestNotFound(NotFound):
    """No such request for this tenant."""

    code = "rights_request_not_found"


class WrongRightsState(RingfenceError):
    """What is asked does not follow the state that the request is in."""

    code = "wrong_rights_state"
    http_status = 409


class MethodUnfit(InvalidInput):
    """By this way nobody is made sure of, or it is not the way of this request."""

    code = "verification_method_unfit"


class AuthorityEvidenceMissing(InvalidInput):
    """Who acts for a person shows a document: give the SHA-256 of it."""

    code = "authority_evidence_missing"


class AuthorityExpired(RingfenceError):
    """The time of the document is over by which somebody acts for the person."""

    code = "authority_expired"
    http_status = 409


class AuthorityUnconfirmed(RingfenceError):
    """A signed permission counts once the person confirmed it on the privacy portal."""

    code = "authority_unconfirmed"
    http_status = 409


@dataclass(frozen=True, slots=True)
class ParentEvidence:
    """What a parent showed or told for a person being no child."""

    parent: str
    """Who it is; sealed with the person, as is ``note``."""
    document_hash: str = ""
    """SHA-256 of the document that they showed, in hex."""
    note: str = ""
    """What they told, or where the document is kept."""


class ParentEvidenceMissing(InvalidInput):
    """That somebody is no child is taken from a parent alone: say who, and give the SHA-256 of what
    they showed, or note what they told."""

    code = "parent_evidence_missing"


class ReportUnfit(InvalidInput):
    """A child is reported by anybody, without authority; nobody but a child is marked as one."""

    code = "child_report_unfit"


class StatementUnfit(InvalidInput):
    """A correction says what is wrong and what is right; nothing else does."""

    code = "statement_unfit"


class CannotExtend(RingfenceError):
    """The time to answer is extended once, before it ends, of a request that is open."""

    code = "cannot_extend"
    http_status = 409


class CannotAppeal(RingfenceError):
    """What was refused is appealed once; not what the person took back, nor an appeal."""

    code = "cannot_appeal"
    http_status = 409


class RefusedBySame(RingfenceError):
    """Somebody else than who refused decides of the appeal."""

    code = "refused_by_same_person"
    http_status = 409


class PackageNotReady(RingfenceError):
    """The package is not made yet."""

    code = "package_not_ready"
    http_status = 409


class PackageGone(RingfenceError):
    """There was a package; its key is destroyed. Ask again for a new one."""

    code = "package_gone"
    http_status = 410


class NoPackage(NotFound):
    """A request of this kind is not answered by a package."""

    code = "no_package"
