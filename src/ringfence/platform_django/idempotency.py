"""A POST that is sent again by the same key is done once and answered the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from ringfence.kernel.errors import InvalidInput, RingfenceError
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.models import IdempotentRequest
from ringfence.platform_django.passing import living, open_passing, seal_passing
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.use import using

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_NUMBER = SealedFieldNumber.IDEMPOTENT_RESPONSE
KEPT = timedelta(hours=24)
"""How long an answer is repeated; after that the same key is a new request."""


class InvalidIdempotencyKey(InvalidInput):
    """A key has 1 to 255 printable characters."""

    code = "invalid_idempotency_key"


class IdempotencyConflict(InvalidInput):
    """The key was sent before, with another request."""

    code = "idempotency_conflict"


class IdempotencyInProgress(RingfenceError):
    """The request with this key is being served now."""

    code = "idempotency_in_progress"
    http_status = 409


class AnswerLost(RingfenceError):
    """The request was served; its answer can no longer be opened, so it cannot be repeated:
    somebody of the tenant was erased since."""

    code = "answer_lost"
    http_status = 410


def once(
    request: HttpRequest,
    *,
    db: str,
    tenant_id: UUID | None,
    api_key_id: UUID,
    actor: str,
    serve: Callable[[], HttpResponse],
) -> HttpResponse:
    """Serve a request, or repeat the answer that the same one of this API key got before.

    The answer is kept, sealed, in the transaction (of the connection ``db``) that does the work: a
    crash leaves both or neither. A request that fails keeps nothing and may be sent again.

    Raises InvalidIdempotencyKey, IdempotencyConflict (422), IdempotencyInProgress (409),
    AnswerLost (410), Unavailable while `keys` is away.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return serve()
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey(f"{HEADER} has 1 to 255 printable ASCII characters")
    name = _name(api_key_id, key)
    if not _lock(db, name):
        raise IdempotencyInProgress(
            "the request with this key is being served", details={"retry_after_seconds": 1}
        )
    rows, now = IdempotentRequest.objects.using(db), clock().now()
    kept = rows.filter(api_key_id=api_key_id, name=name).first()
    fingerprint = _fingerprint(request)
    if kept is not None and now < kept.created_at + KEPT:
        return _repeat(kept, fingerprint, actor)
    if kept is not None:
        kept.delete()
    response = serve()
    row = IdempotentRequest(
        id=new_id(), tenant_id=tenant_id, api_key_id=api_key_id, name=name, created_at=now
    )
    answer = {
        "request": fingerprint,
        "status": response.status_code,
        "type": response.headers.get("Content-Type", ""),
        "body": response.content.decode(),
    }
    row.response_sealed = seal_passing(tenant_id, _NUMBER, row.id, msgspec.json.encode(answer))
    row.save(using=db, force_insert=True)
    return response


def _repeat(kept: IdempotentRequest, fingerprint: str, actor: str) -> HttpResponse:
    with using("service", actor):
        opened = open_passing(
            kept.tenant_id, _NUMBER, kept.id, kept.response_sealed, objects=kept.use_objects
        )
    if opened is None:
        raise AnswerLost("the request was served; its answer cannot be opened any more")
    answer = cast("dict[str, Any]", msgspec.json.decode(opened))
    if answer["request"] != fingerprint:
        raise IdempotencyConflict(f"this {HEADER} was sent with another request")
    response = HttpResponse(answer["body"], content_type=answer["type"], status=answer["status"])
    response.headers[REPLAYED] = "true"
    return response


def remove_expired(now: datetime) -> int:
    """Remove what is not repeated any more; returns how many answers went."""
    with across_tenants("idempotency") as db:
        removed, _ = IdempotentRequest.objects.using(db).filter(created_at__lte=now - KEPT).delete()
    return removed


def keys_of_answers(tenant: UUID) -> list[UUID]:
    """The items whose end makes every kept answer of a tenant unreadable. Raises Unavailable."""
    return living(tenant, _NUMBER)


def _lock(db: str, name: bytes) -> bool:
    """Hold the key until the transaction ends; False when another transaction holds it."""
    with connections[db].cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"idempotency {name.hex()}"],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def _name(api_key_id: UUID, key: str) -> bytes:
    """What stands for a key in the database: clients may put a number in it, so it is no plain
    hash."""
    return salted_hmac(
        "ringfence.idempotency", api_key_id.bytes + key.encode(), algorithm="sha256"
    ).digest()


def _fingerprint(request: HttpRequest) -> str:
    """Hash of what makes two requests the same. It is kept sealed: a body may name a person."""
    digest = hashlib.sha256()

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "big") + part)

    add(request.get_full_path().encode())
    add(request.headers.get("Ringfence-Purpose", "").encode())
    if request.content_type != "multipart/form-data":
        add(request.body)
        return digest.hexdigest()
    for field, values in sorted(request.POST.lists()):
        for value in values:
            add(field.encode())
            add(str(value).encode())
    for field, files in sorted(request.FILES.lists()):
        for file in files:
            add(field.encode())
            add((file.name or "").encode())
            file.seek(0)
            add(file.read())
            file.seek(0)
    return digest.hexdigest()
