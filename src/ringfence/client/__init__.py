"""A typed client of the REST API, for any Python program.

``operations`` and ``models`` are made from the API's OpenAPI document. This package imports nothing
else of Ringfence. See docs/guides/client.md.
"""

from . import models
from .client import Client
from .errors import (
    ApiError,
    BadRequest,
    ClientError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Gone,
    InvalidAnswer,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    RateLimited,
    ServerError,
    Unauthorized,
    Unavailable,
)

__all__ = [
    "ApiError",
    "BadRequest",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "Gone",
    "InvalidAnswer",
    "InvalidRequest",
    "NotFound",
    "PreconditionFailed",
    "PreconditionRequired",
    "RateLimited",
    "ServerError",
    "Unauthorized",
    "Unavailable",
    "models",
]
