"""What a call of the client raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class ClientError(Exception):
    """Anything that kept a call from being answered well."""


class ConnectionFailed(ClientError):
    """No answer came within the timeout. A request that changes something may have been done."""


class InvalidAnswer(ClientError):
    """What came is no answer of this API."""


class ApiError(ClientError):
    """The API refused. ``code`` is stable, ``message`` is for people."""

    def __init__(self, status: int, code: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(status, code, message, details)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return f"{self.code}: {self.message} ({self.status})"


class BadRequest(ApiError):
    """400: the request cannot be read."""


class Unauthorized(ApiError):
    """401: no valid API key."""


class Forbidden(ApiError):
    """403: the API key was not made for this."""


class NotFound(ApiError):
    """404: nothing of the tenant is there."""


class Conflict(ApiError):
    """409: it contradicts what is there."""


class Gone(ApiError):
    """410: what was there cannot be had any more."""


class PreconditionFailed(ApiError):
    """412: the object was changed since it was read."""


class InvalidRequest(ApiError):
    """422: the request cannot be accepted; ``details`` may list its problems."""


class PreconditionRequired(ApiError):
    """428: a change without the state that it is of."""


class ServerError(ApiError):
    """5xx: the API failed."""


class _Later(ApiError):
    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any],
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, code, message, details)
        self.retry_after = retry_after
        """Seconds after which it may be tried again, if the API said so."""


class RateLimited(_Later):
    """429: too many requests."""


class Unavailable(_Later, ServerError):
    """503: not now."""


_CLASSES: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    412: PreconditionFailed,
    422: InvalidRequest,
    428: PreconditionRequired,
}
_LATER: dict[int, type[_Later]] = {429: RateLimited, 503: Unavailable}


class _Problem(msgspec.Struct):
    code: str
    message: str
    details: dict[str, Any] = {}


def error_of(status: int, body: bytes, retry_after: float | None) -> ApiError:
    """The error that an answer says."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem("unknown", "the answer is not the API's")
    said = (status, problem.code, problem.message, problem.details)
    if status in _LATER:
        return _LATER[status](*said, retry_after)
    return _CLASSES.get(status, ServerError if status >= 500 else ApiError)(*said)
