"""Short-lived tickets that ``web`` signs and ``live`` verifies without asking anyone.

Format: ``base64url(tenant || expiry || random) "." base64url(HMAC-SHA256)``, without padding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ringfence.kernel.clock import Clock, from_micros, to_micros

SECRET_NAME = "live-ticket"  # noqa: S105 - the name of a secret
LIFETIME = timedelta(seconds=60)
_PAYLOAD_BYTES = 16 + 8 + 8


@dataclass(frozen=True, slots=True)
class Ticket:
    """Permission to read one tenant's live events until ``expires_at``."""

    tenant: UUID
    expires_at: datetime


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _signature(secret: str, payload: bytes) -> bytes:
    return hmac.digest(secret.encode("ascii"), b"ringfence/live-ticket/1" + payload, hashlib.sha256)


def sign_ticket(secret: str, tenant: UUID, clock: Clock) -> tuple[str, Ticket]:
    """A new ticket for a tenant and its text; valid for 60 s by ``clock``."""
    ticket = Ticket(tenant, clock.now() + LIFETIME)
    payload = tenant.bytes + to_micros(ticket.expires_at).to_bytes(8, "big") + os.urandom(8)
    return f"{_encode(payload)}.{_encode(_signature(secret, payload))}", ticket


def verify_ticket(secret: str, text: str, clock: Clock) -> Ticket | None:
    """The ticket, or None when it is malformed, forged or expired."""
    try:
        payload, signature = (_decode(part) for part in text.split("."))
    except (ValueError, binascii.Error):
        return None
    if len(payload) != _PAYLOAD_BYTES:
        return None
    if not hmac.compare_digest(signature, _signature(secret, payload)):
        return None
    ticket = Ticket(UUID(bytes=payload[:16]), from_micros(int.from_bytes(payload[16:24], "big")))
    return ticket if clock.now() < ticket.expires_at else None
