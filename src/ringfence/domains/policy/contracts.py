"""What other parts may know of published policies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A published version, without its page."""

    number: int
    profile: str
    profile_hash: str
    clauses: tuple[str, ...]
    changes: tuple[Mapping[str, Any], ...]
    """rules.changes.Change as a mapping."""
    needs_consent: bool
    published_at: datetime
    effective_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class OrderInfo:
    """An examination that was asked for."""

    profile: str
    run: UUID
    ordered_at: datetime
    step: str
    """What it is at; empty: it waits for the worker."""
    ended_at: datetime | None
    failed: str
    """Why there is no report; empty: there is one, or it is not over."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a version says beside its profile, and by what build and signed report."""

    clauses: frozenset[str]
    build: str
    report: int


@dataclass(frozen=True, slots=True)
class BindingInfo:
    """Which version binds a business customer."""

    bound: VersionInfo | None
    awaits: VersionInfo | None
    """In force for others; it reduces rights, so it waits for this customer's consent."""
    coming: VersionInfo | None
    """Published and not in force yet."""


@dataclass(frozen=True, slots=True)
class IncidentInfo:
    """A control that is red, or was."""

    profile: str
    control: str
    clauses: tuple[str, ...]
    state: str
    findings: int
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExaminedInfo:
    """The last examination under a profile: the report as ``ringfence promises verify`` made it."""

    number: int
    ended_at: datetime
    report: Mapping[str, Any]


class NothingExamined(NotFound):
    """Nobody asked for an examination."""

    code = "nothing_examined"


class VersionNotFound(NotFound):
    """No such version was published."""

    code = "policy_version_not_found"


class TooEarly(InvalidInput):
    """A version would hold before the notice is over that is promised."""

    code = "policy_notice_too_short"


class NothingToAccept(RingfenceError):
    """The version binds already, or an older one was meant."""

    code = "policy_nothing_to_accept"
    http_status = 409


def digest_of(previous: str, facts: Mapping[str, Any], html: str) -> str:
    """SHA-256 in hex over the digest of the version before (empty for the first), the facts as
    JSON with sorted keys and no blanks, and the page, a line each."""
    spelled = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{spelled}\n{html}".encode()).hexdigest()
