"""Typed business errors. Each carries a stable code that API clients may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RingfenceError(Exception):
    """Base of all errors that a user may see: ``code`` is stable, ``message`` is for people."""

    code = "internal_error"
    http_status = 500

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})


class InvalidInput(RingfenceError):
    """The caller sent something that cannot be accepted as it is."""

    code = "invalid_input"
    http_status = 422


class NotFound(RingfenceError):
    """No such object for this tenant; an object of another tenant looks the same."""

    code = "not_found"
    http_status = 404


class Unauthorized(RingfenceError):
    """No valid credential came with the request."""

    code = "unauthorized"
    http_status = 401


class Unavailable(RingfenceError):
    """A part that this needs is not reachable now; trying again later may succeed."""

    code = "unavailable"
    http_status = 503
