"""Claims become messages: built, opened and signed when they are sent, never stored."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from django.db import Error

from ringfence.domains.webhooks.models import Endpoint
from ringfence.domains.webhooks.outbox import Attempt, Claim
from ringfence.domains.webhooks.payloads import payload
from ringfence.domains.webhooks.rules.schedule import Outcome
from ringfence.domains.webhooks.rules.signature import signature_headers
from ringfence.kernel.clock import to_micros
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.use import using

_PURPOSE = "service"
_log = logging.getLogger("ringfence.webhooks")


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted for a claim."""

    claim: Claim
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def messages(claims: Sequence[Claim]) -> list[Message | Attempt]:
    """The message of each claim, or why there is none. Blocking. Raises django.db.Error."""
    with across_tenants("webhooks") as alias:
        ids = {claim.endpoint_id for claim in claims}
        endpoints = list(Endpoint.objects.using(alias).filter(id__in=ids))
    try:
        with using(_PURPOSE, "job:webhooks"):
            opened = open_fields(endpoints, "secret_sealed")
    except Unavailable:
        return [Attempt(claim, clock().now(), code=Unavailable.code) for claim in claims]
    known = {
        endpoint.id: (endpoint, found["secret_sealed"])
        for endpoint, found in zip(endpoints, opened, strict=True)
    }
    return [_message(claim, known.get(claim.endpoint_id)) for claim in claims]


def _message(claim: Claim, known: tuple[Endpoint, Opened] | None) -> Message | Attempt:
    now = clock().now()
    if known is None:
        return Attempt(claim, now, Outcome.GONE, code="endpoint_deleted")
    endpoint, secret = known
    if secret.error is not None or secret.value is None:
        return Attempt(claim, now, Outcome.FAILED, code="secret_unreadable")
    try:
        body = _body(claim)
    except Unavailable as error:
        return Attempt(claim, now, code=error.code)
    except Error:
        raise
    except Exception as error:  # whatever a domain's builder does, other messages leave
        code = error.code if isinstance(error, RingfenceError) else "message_failed"
        kv = {"type": claim.type, "code": code, "error": type(error).__name__}
        _log.error("message cannot be made", extra={"kv": kv})
        return Attempt(claim, now, Outcome.FAILED, code=code)
    secrets = secret.value.split(" ")
    until = endpoint.rotating_until
    if until is None or until <= now:
        secrets = secrets[:1]
    headers = signature_headers(message_id(claim.id), to_micros(now) // 1_000_000, body, secrets)
    return Message(claim, endpoint.url, {"content-type": "application/json", **headers}, body)


def message_id(delivery: UUID) -> str:
    """The same at each attempt: by it a receiver knows what it has already."""
    return public_id(Prefix.DELIVERY, delivery)


def _body(claim: Claim) -> bytes:
    """Raises RingfenceError."""
    with using(_PURPOSE, f"webhook:{claim.endpoint_id.hex}"):
        data = payload(claim.tenant_id, claim.type, claim.data)
    at = claim.occurred_at.isoformat().replace("+00:00", "Z")
    return msgspec.json.encode({"type": claim.type, "timestamp": at, "data": data})
