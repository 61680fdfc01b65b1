"""How a stored field is classified."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    KEEP_UNLINKED = "keep_unlinked"
    """The value stays; without the identifiers of its row it points at nobody."""
    DELETE_ROW = "delete_row"
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
    """Whose value it is: ``caller``, ``callee``, ``either`` party; None for no data subject."""
    number: int | None = None
    """Permanent number of a sealed field; never given to another field, also after removal."""


@dataclass(frozen=True, slots=True)
class NotPersonal:
    """A model field that tells nothing about a person, and why."""

    model: str
    field: str
    reason: str


Classification = FieldClass | NotPersonal
