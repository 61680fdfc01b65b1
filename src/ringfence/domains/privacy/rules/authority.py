"""When somebody may act for a person: what has to be shown, and who has to confirm it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringfence.domains.privacy.rights_vocabulary import AuthorityKind

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Authority:
    """What was shown for it."""

    kind: AuthorityKind
    document_hash: str
    """SHA-256 of the document, in hex."""
    expires_at: datetime | None
    confirmed_at: datetime | None = None
    """When the person said that it is so."""


class Lack(StrEnum):
    """What keeps an authority from counting."""

    EVIDENCE = "evidence"
    EXPIRED = "expired"
    CONFIRMATION = "confirmation"


def lack_of_evidence(authority: Authority | None, now: datetime) -> Lack | None:
    """Of what is shown when it is told."""
    if authority is None or not _SHA256.fullmatch(authority.document_hash):
        return Lack.EVIDENCE
    if authority.expires_at is not None and authority.expires_at <= now:
        return Lack.EXPIRED
    return None


def lack(authority: Authority | None, now: datetime) -> Lack | None:
    """Of one by which a request is to be verified. A signed permission is confirmed by the person
    themselves; a power of attorney is not (11 CCR 7063)."""
    found = lack_of_evidence(authority, now)
    if found is None and needs_confirmation(authority):
        return Lack.CONFIRMATION
    return found


def needs_confirmation(authority: Authority | None) -> bool:
    """Whether the person has yet to say that it is so."""
    return (
        authority is not None
        and authority.kind is AuthorityKind.SIGNED_PERMISSION
        and authority.confirmed_at is None
    )
