"""Requests over a pool of connections, sent again where that is safe, within a time limit."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from .errors import ApiError, ConnectionFailed, error_of

T = TypeVar("T")
Response = urllib3.BaseHTTPResponse

REPEATABLE = ("GET", "POST", "PUT")
"""May be sent again when it is unknown whether the request was served: a POST has its key."""
FIRST_DELAY, LONGEST_DELAY = 0.2, 8.0
_IN_PROGRESS = "idempotency_in_progress"


@dataclass(frozen=True)
class Request:
    """One logical call: every attempt sends the same. ``path`` has its query."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Transport:
    """Sends requests with an API key. Safe to use from many threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        purpose: str | None,
        timeout: float,
        attempt_timeout: float,
        connections: int,
        ca_file: str | None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("base_url is like https://ringfence.example.com")
        if not (api_key and api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ValueError("api_key is not an API key")
        if timeout <= 0 or attempt_timeout <= 0:
            raise ValueError("timeouts are seconds above 0")
        self.base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "*/*"}
        if purpose is not None:
            self._headers["Ringfence-Purpose"] = purpose
        self._timeout, self._attempt_timeout = timeout, attempt_timeout
        context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self._pool = urllib3.PoolManager(maxsize=connections, block=False, ssl_context=context)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def send(self, request: Request, read: Callable[[Response], T]) -> T:
        """What ``read`` makes of the answer; it is called for 2xx only.

        Sent again after failed connections, 429, 503, and, where it is unknown whether the request
        was served, if the method allows that. Raises ApiError, ConnectionFailed; whatever ``read``
        raises, except that a connection that breaks while it reads counts as failed.
        """
        deadline = time.monotonic() + self._timeout
        attempt = 0
        while True:
            wait: float | None = None
            try:
                return self._attempt(request, deadline - time.monotonic(), read)
            except ApiError as error:
                if not _may_repeat(request, error):
                    raise
                failure: Exception = error
                wait = getattr(error, "retry_after", None)
            except HTTPError as error:
                failure = ConnectionFailed(f"{request.method} failed: {type(error).__name__}")
                if isinstance(error, SSLError) or not (
                    request.method in REPEATABLE or _was_not_sent(error)
                ):
                    raise failure from None
            if wait is None:
                wait = min(LONGEST_DELAY, FIRST_DELAY * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311
            if time.monotonic() + wait >= deadline:
                raise failure
            time.sleep(wait)
            attempt += 1

    def _attempt(self, request: Request, left: float, read: Callable[[Response], T]) -> T:
        seconds = max(0.001, min(left, self._attempt_timeout))
        response = self._pool.urlopen(
            request.method,
            self.base_url + request.path,
            body=request.body,
            headers={**self._headers, **request.headers},
            timeout=urllib3.Timeout(connect=seconds, read=seconds),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            if not 200 <= response.status < 300:
                after = _seconds(response.headers.get("Retry-After"))
                raise error_of(response.status, response.read(), after)
            answer = read(response)
            response.drain_conn()
            return answer
        except HTTPError:
            response.close()
            raise
        finally:
            response.release_conn()


def _may_repeat(request: Request, error: ApiError) -> bool:
    """Whether the request was not served, or may be served again."""
    if error.status in (429, 503):
        return True
    if error.status in (502, 504):
        return request.method in REPEATABLE
    return error.code == _IN_PROGRESS


def _was_not_sent(error: HTTPError) -> bool:
    return isinstance(error, (NewConnectionError, ConnectTimeoutError))


def _seconds(header: str | None) -> float | None:
    """``Retry-After`` in seconds; None when it says no number of them (RFC 9110 section 10.2.3)."""
    return float(header) if header is not None and header.isdecimal() else None
