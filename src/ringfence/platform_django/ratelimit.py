"""How often a client may ask: a token bucket for each API key, and one for the failures of each
address. They lie in the memory of the process, so each process of ``web`` counts for itself."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ringfence.kernel.errors import RingfenceError
from ringfence.platform_django.clock import clock

FAILURES_PER_MINUTE = 120
"""Requests without a valid key from one address before they are refused unread."""
_MOST_BUCKETS = 10_000


class RateLimited(RingfenceError):
    """Too many requests; ``details.retry_after_seconds`` says when the next one is served."""

    code = "rate_limited"
    http_status = 429


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request found in its bucket."""

    limit: int
    remaining: int
    reset_seconds: int
    """Until the bucket is full again."""
    retry_after_seconds: int
    """Until there is a token; 0: there was one, and it was taken."""


class Buckets:
    """Token buckets of ``per_minute`` tokens, which are also what flows back in a minute."""

    def __init__(self, per_minute: int) -> None:
        self._size = per_minute
        self._rate = per_minute / 60
        self._known: dict[object, tuple[float, float]] = {}
        """Tokens, and the monotonic time when there were so many."""
        self._lock = threading.Lock()

    def take(self, owner: object) -> Taken:
        """Take a token from the bucket of ``owner``, if there is one."""
        now = clock().monotonic()
        with self._lock:
            tokens, since = self._known.pop(owner, (float(self._size), now))
            tokens = min(self._size, tokens + max(0.0, now - since) * self._rate)
            served = tokens >= 1
            tokens -= served
            self._forget_full(now)
            self._known[owner] = tokens, now
        return Taken(
            limit=self._size,
            remaining=int(tokens),
            reset_seconds=math.ceil((self._size - tokens) / self._rate),
            retry_after_seconds=0 if served else max(1, math.ceil((1 - tokens) / self._rate)),
        )

    def _forget_full(self, now: float) -> None:
        """Whoever asked last a minute ago has a full bucket, as one that is not known has; the
        longest unused come first."""
        while self._known:
            owner, (_, since) = next(iter(self._known.items()))
            if now - since < 60 and len(self._known) < _MOST_BUCKETS:
                return
            del self._known[owner]


class Limits:
    """Both kinds of buckets; None: no limit."""

    def __init__(self, requests: int, failures: int) -> None:
        self.requests = Buckets(requests) if requests else None
        self.failures = Buckets(failures) if failures else None


_limits: Limits | None = None


def _current() -> Limits:
    global _limits
    if _limits is None:
        _limits = Limits(settings.RINGFENCE.web.requests_per_minute, FAILURES_PER_MINUTE)
    return _limits


@contextmanager
def use_limits(*, requests: int = 0, failures: int = 0) -> Iterator[None]:
    """Put other limits (a minute; 0: none) in force for the process, until the block ends."""
    global _limits
    previous, _limits = _limits, Limits(requests, failures)
    try:
        yield
    finally:
        _limits = previous


def count_request(request: HttpRequest, api_key_id: UUID) -> None:
    """Count an authenticated request. Raises RateLimited."""
    _count(request, _current().requests, api_key_id)


def count_failure(request: HttpRequest) -> None:
    """Count a request without a valid key. A valid key is served whatever its neighbours do.

    Raises RateLimited.
    """
    _count(request, _current().failures, request.META.get("REMOTE_ADDR", ""))


def _count(request: HttpRequest, buckets: Buckets | None, owner: object) -> None:
    if buckets is None:
        return
    taken = buckets.take(owner)
    request.rate_limit = taken  # type: ignore[attr-defined]
    if taken.retry_after_seconds:
        raise RateLimited(
            "too many requests", details={"retry_after_seconds": taken.retry_after_seconds}
        )


class RateLimitHeaders:
    """Tells in each answer what is left: ``RateLimit-Limit``, ``-Remaining``, ``-Reset``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        taken: Taken | None = getattr(request, "rate_limit", None)
        if taken is not None:
            response.headers["RateLimit-Limit"] = str(taken.limit)
            response.headers["RateLimit-Remaining"] = str(taken.remaining)
            response.headers["RateLimit-Reset"] = str(taken.reset_seconds)
        return response
