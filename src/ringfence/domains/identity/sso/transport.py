"""What allauth asks identity providers goes the way of all requests to URLs that tenants name:
through the egress gate, without redirects, with limits of time and size."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import requests
from django.conf import settings
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from ringfence.platform.egress import EgressFailed, EgressRefused, Method, Response, Sending
from ringfence.platform.gate.client import EgressClient

TIMEOUT_SECONDS = 5.0
"""From the look-up to the last byte; a sign-in asks up to four times."""
MAX_BYTES = 256 << 10
MOST_AT_ONCE, MOST_OF_HOST = 5, 3
"""Requests in all, and to one host: slow providers hold that many threads of a process, and the
others serve."""
WAIT_SECONDS = 1.0
"""For a place among them."""
_asking: ContextVar[UUID | None] = ContextVar("asking", default=None)
_SENT = ("accept", "authorization", "content-type")


def ask_for(tenant_id: UUID) -> None:
    """Whose provider is asked from now on in this request: allauth names nobody."""
    _asking.set(tenant_id)


class EgressTransport(BaseAdapter):
    """The transport of a ``requests`` session."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Raises ConnectionError for everything but an answer that is no redirect."""
        url, body = request.url or "", request.body
        headers = {k: str(v) for k, v in request.headers.items() if k.lower() in _SENT}
        sent = body.encode() if isinstance(body, str) else cast("bytes | None", body)
        with _place(urlsplit(url).hostname or ""):
            try:
                found = asyncio.run(_fetch(request.method or "GET", url, headers, sent))
            except (EgressRefused, EgressFailed) as error:
                reason = error.details.get("reason")
                raise requests.ConnectionError(f"the provider was not asked: {reason}") from None
        if 300 <= found.status < 400:
            raise requests.ConnectionError("the provider redirects")
        return _response(request, found)

    def close(self) -> None:
        """Nothing is held."""


def provider_session() -> requests.Session:
    """A session that knows no other way out."""
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    for scheme in ("https://", "http://"):  # egress says where plain http may lead
        session.mount(scheme, EgressTransport())
    return session


async def _fetch(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
    async with EgressClient(settings.RINGFENCE) as egress:
        return await egress.fetch(
            cast(Method, method),
            url,
            sending=Sending("sso", _asking.get()),
            headers=headers,
            body=body,
            timeout=TIMEOUT_SECONDS,
            max_bytes=MAX_BYTES,
        )


def _response(request: requests.PreparedRequest, found: Response) -> requests.Response:
    answer = requests.Response()
    answer.status_code = found.status
    answer.headers = CaseInsensitiveDict(found.headers)
    answer.headers.setdefault("content-type", "")
    answer.url, answer.request = found.url, request
    answer.encoding = "utf-8"
    answer.raw = BytesIO(found.body)
    return answer


_busy: Counter[str] = Counter()
_freed = threading.Condition()


@contextmanager
def _place(host: str) -> Iterator[None]:
    def free() -> bool:
        return _busy[host] < MOST_OF_HOST and _busy.total() < MOST_AT_ONCE

    with _freed:
        if not _freed.wait_for(free, WAIT_SECONDS):
            raise requests.ConnectionError("providers are asked too much at once")
        _busy[host] += 1
    try:
        yield
    finally:
        with _freed:
            _busy[host] -= 1
            if not _busy[host]:
                del _busy[host]
            _freed.notify_all()
