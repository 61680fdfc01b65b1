"""Entity tags: a change names the state that it was decided on (RFC 9110 sections 8.8.3, 13.1)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.db import connections
from django.http import HttpRequest
from ninja.responses import NinjaJSONEncoder
from pydantic import BaseModel

from ringfence.kernel.errors import RingfenceError

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class PreconditionRequired(RingfenceError):
    """A change must say by ``If-Match`` which state of the object it is of."""

    code = "precondition_required"
    http_status = 428


class PreconditionFailed(RingfenceError):
    """The object is no longer in the state that the change is of: read it again."""

    code = "precondition_failed"
    http_status = 412


def etag_of(value: BaseModel | Mapping[str, Any]) -> str:
    """Entity tag of a resource as it is served: a hash of its canonical JSON.

    A schema may name fields in ``volatile`` (a class attribute) that are not part of the state
    which a change is decided on, such as the time of the last use.
    """
    plain = value.model_dump() if isinstance(value, BaseModel) else dict(value)
    for name in getattr(value, "volatile", ()):
        plain.pop(name, None)
    text = json.dumps(plain, cls=NinjaJSONEncoder, sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_etag(request: HttpRequest, current: BaseModel | Mapping[str, Any]) -> None:
    """Refuse a change of anything but ``current``, the resource as a GET would serve it now.

    Changes of one address come one after the other (``http.as_caller`` holds a lock on it until
    the transaction ends), so what a route compares here is what it then changes. ``*`` matches
    whatever is there. Raises PreconditionRequired (428), PreconditionFailed (412).
    """
    given = request.headers.get("If-Match")
    if given is None:
        raise PreconditionRequired("send If-Match with the ETag of the object as you read it")
    if given.strip() != "*" and etag_of(current) not in _strong(given):
        raise PreconditionFailed("the object was changed since it was read")


def unchanged(request: HttpRequest, etag: str) -> bool:
    """Whether ``If-None-Match`` says that the client has this state already."""
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or etag in {tag for _, tag in _TAG.findall(given)}


def lock_address(using: str, tenant: object, path: str) -> None:
    """Let no other transaction change this address of the tenant before this one ends."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"address {tenant} {path}"]
        )


def _strong(header: str) -> set[str]:
    """The strong tags of a list; a weak one matches nothing (RFC 9110 section 13.1.1)."""
    return {tag for weak, tag in _TAG.findall(header) if not weak}
