"""What is said about an event: made by the domain that it is about, when it is sent.

A domain registers a builder for its types in its ``AppConfig.ready``. A type without one says what
the outbox holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from ringfence.kernel.errors import NotFound

Builder = Callable[[UUID, Mapping[str, Any]], Mapping[str, Any]]
"""Tenant and the notice's data to the message's data, opened for the current use. JSON values."""

_builders: dict[str, Builder] = {}


def register_payload(builder: Builder, *types: str) -> None:
    """Say who makes the messages of these types."""
    for type_ in types:
        _builders[type_] = builder


def payload(tenant_id: UUID, type_: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data of a message. What exists no more is told by its ids and ``error``.

    Raises Unavailable.
    """
    builder = _builders.get(type_)
    if builder is None:
        return data
    try:
        return builder(tenant_id, data)
    except NotFound as error:
        return {**data, "error": error.code}
