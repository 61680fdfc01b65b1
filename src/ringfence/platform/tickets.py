"""Short-lived tickets that ``web`` signs and ``live`` opens streams with.

Format: ``base64url(payload) "." base64url(HMAC-SHA256)``, without padding. The payload (msgpack)
holds no secret: a ticket stands in the address of a request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from ringfence.kernel.clock import Clock

SECRET_NAME = "live-ticket"  # noqa: S105 - the name of a secret
LIFETIME = timedelta(seconds=60)
MARKS = "SELECT n, mark FROM ringfence_live_marks(%s, %s, %s, %s, %s, %s, %s)"
"""Parameters: those of ``marks_asked``."""


class Maker(msgspec.Struct, frozen=True, array_like=True):
    """By what access a ticket was made: what must hold for its stream to go on."""

    kind: Literal["key", "client", "member", "sso", "staff"]
    id: UUID
    """Of the API key, the OAuth client or the user."""
    through: UUID | None = None
    """Of a client the access token; of ``sso`` the connection; of ``staff`` the access grant."""
    session: int | None = None
    """Of a person: the number of the session, which opens nothing."""
    mark: UUID | None = None
    """Stands for all that decided on the access, and is another once any of it is."""


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """Permission to open streams of one tenant's live events until ``expires_at``."""

    tenant: UUID
    expires_at: datetime
    maker: Maker | None
    """None: whoever has the installation's secrets, at the machine itself."""


class _Payload(msgspec.Struct, frozen=True, array_like=True):
    ticket: Ticket
    random: bytes


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(_Payload)


def marks_asked(
    makers: Sequence[tuple[UUID, Maker]], at: datetime, idle: timedelta
) -> tuple[Any, ...]:
    """Parameters of ``MARKS``: of these makers and their tenants, at a time, where sessions are
    over that nobody used for ``idle``."""
    return (
        [maker.kind for _, maker in makers],
        [tenant for tenant, _ in makers],
        [maker.id for _, maker in makers],
        [maker.through for _, maker in makers],
        [maker.session for _, maker in makers],
        at,
        idle,
    )


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _signature(secret: str, payload: bytes) -> bytes:
    return hmac.digest(secret.encode("ascii"), b"ringfence/live-ticket/2" + payload, hashlib.sha256)


def sign_ticket(secret: str, tenant: UUID, clock: Clock, maker: Maker | None) -> tuple[str, Ticket]:
    """A new ticket for a tenant and its text; valid for 60 s by ``clock``."""
    ticket = Ticket(tenant, clock.now() + LIFETIME, maker)
    payload = _encoder.encode(_Payload(ticket, os.urandom(8)))
    return f"{_encode(payload)}.{_encode(_signature(secret, payload))}", ticket


def verify_ticket(secret: str, text: str, clock: Clock) -> Ticket | None:
    """The ticket, or None when it is malformed, forged or expired."""
    try:
        payload, signature = (_decode(part) for part in text.split("."))
    except (ValueError, binascii.Error):
        return None
    if not hmac.compare_digest(signature, _signature(secret, payload)):
        return None
    ticket = _decoder.decode(payload).ticket
    return ticket if clock.now() < ticket.expires_at else None
