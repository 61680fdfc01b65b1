"""What the egress process is asked, and what it answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec


class FetchAsk(msgspec.Struct, frozen=True, array_like=True):
    """``Egress.fetch`` with what it is for."""

    template: str
    tenant: UUID | None
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    timeout: float
    max_bytes: int
    redirects: int


class MailAsk(msgspec.Struct, frozen=True, array_like=True):
    """One mail, to the server of the settings."""

    to: str
    subject: str
    text: str


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An EgressRefused or EgressFailed."""

    refused: bool
    code: str
    message: str
    details: dict[str, Any]


class FetchReply(msgspec.Struct, frozen=True, array_like=True):
    """An answer, or why there is none. Of a long body the first piece; the rest by ``RestAsk``."""

    failure: Failure | None = None
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    url: str = ""
    redirected: bool = False
    rest: int = 0
    """Name of what is left of the body; 0: nothing."""


class RestAsk(msgspec.Struct, frozen=True, array_like=True):
    """The next piece of a body."""

    rest: int


class RestReply(msgspec.Struct, frozen=True, array_like=True):
    body: bytes
    more: bool


class Row(msgspec.Struct, frozen=True):
    """A line of the ledger, before anything leaves."""

    id: UUID
    tenant: UUID | None
    receiver: str
    template: str
    purpose: str
    host: str
    fields: tuple[str, ...]
    size: int
    digest: bytes
    """HMAC-SHA-256 of the body, under a secret of the installation."""
    refusal: str = ""
    """The code, of what does not leave."""
