"""How often a client may ask: a token bucket for each credential, one for each tenant, and one for
the failures of each address. They lie in the memory of the process, so each process of ``web``
counts for itself."""

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
from ringfence.platform_django.addresses import client_address
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

    @property
    def tightness(self) -> tuple[int, int, int]:
        """The less, the sooner a client has to wait."""
        return -self.retry_after_seconds, self.remaining, self.limit


class Buckets:
    """Token buckets of ``per_minute`` tokens, which are also what flows back in a minute; an owner
    may have another size."""

    def __init__(self, per_minute: int) -> None:
        self.size = per_minute
        self._known: dict[object, tuple[float, float]] = {}
        """Tokens, and the monotonic time when there were so many."""
        self._lock = threading.Lock()

    def take(self, owner: object, per_minute: int | None = None) -> Taken:
        """Take a token from the bucket of ``owner``, if there is one."""
        now, size = clock().monotonic(), per_minute or self.size
        rate = size / 60
        with self._lock:
            tokens, since = self._known.pop(owner, (float(size), now))
            tokens = min(size, tokens + max(0.0, now - since) * rate)
            served = tokens >= 1
            tokens -= served
            self._forget_full(now)
            self._known[owner] = tokens, now
        return Taken(
            limit=size,
            remaining=int(tokens),
            reset_seconds=math.ceil((size - tokens) / rate),
            retry_after_seconds=0 if served else max(1, math.ceil((1 - tokens) / rate)),
        )

    def give_back(self, owner: object) -> None:
        """Put a token back that was taken for a request that is not served after all."""
        with self._lock:
            if owner in self._known:
                tokens, since = self._known[owner]
                self._known[owner] = tokens + 1, since

    def _forget_full(self, now: float) -> None:
        """Whoever asked last a minute ago has a full bucket, as one that is not known has; the
        longest unused come first."""
        while self._known:
            owner, (_, since) = next(iter(self._known.items()))
            if now - since < 60 and len(self._known) < _MOST_BUCKETS:
                return
            del self._known[owner]


@dataclass(frozen=True)
class Limits:
    """Requests a minute of one credential and of one tenant where nothing else is said, and the
    failures of one address; 0: no limit."""

    requests: int
    tenant_requests: int
    failures: int


class _Counts:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.credentials = Buckets(limits.requests)
        self.tenants = Buckets(limits.tenant_requests)
        self.failures = Buckets(limits.failures)


_counts: _Counts | None = None


def _current() -> _Counts:
    global _counts
    if _counts is None:
        web = settings.RINGFENCE.web
        _counts = _Counts(
            Limits(web.requests_per_minute, web.tenant_requests_per_minute, FAILURES_PER_MINUTE)
        )
    return _counts


def limits() -> Limits:
    """Those in force where nothing else is said."""
    return _current().limits


@contextmanager
def use_limits(*, requests: int = 0, tenant_requests: int = 0, failures: int = 0) -> Iterator[None]:
    """Put other limits (a minute; 0: none) in force for the process, until the block ends."""
    global _counts
    previous, _counts = _counts, _Counts(Limits(requests, tenant_requests, failures))
    try:
        yield
    finally:
        _counts = previous


def count_request(request: HttpRequest, credential_id: UUID, per_minute: int | None = None) -> None:
    """Count an authenticated request; ``per_minute``: its credential's own limit, if any.

    Raises RateLimited.
    """
    _count(request, _current().credentials, credential_id, per_minute)


def count_of_tenant(
    request: HttpRequest, tenant_id: UUID, per_minute: int | None, credential_id: UUID
) -> None:
    """Count a request of a tenant, after its credential's: who is over its own limit takes nothing
    from the others, nor do they from it. ``per_minute``: the tenant's own limit, if any.

    Raises RateLimited.
    """
    counts = _current()
    try:
        _count(request, counts.tenants, tenant_id, per_minute)
    except RateLimited:
        counts.credentials.give_back(credential_id)
        raise


def count_failure(request: HttpRequest) -> None:
    """Count a request without a valid credential. A valid one is served whatever its neighbours do.

    Raises RateLimited.
    """
    _count(request, _current().failures, client_address(request), None)


def _count(request: HttpRequest, buckets: Buckets, owner: object, per_minute: int | None) -> None:
    if not (per_minute or buckets.size):
        return
    taken = buckets.take(owner, per_minute)
    before: Taken | None = getattr(request, "rate_limit", None)
    if before is None or taken.tightness < before.tightness:
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
