"""What the current request or job uses personal data for, and on whose behalf."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ringfence.kernel.errors import InvalidInput


class PurposeRequired(InvalidInput):
    """Personal data is only opened for a purpose, and none was given."""

    code = "purpose_required"
    http_status = 400


@dataclass(frozen=True, slots=True)
class Use:
    """Why personal data is opened, and who opens it: ``key:…``, ``job:…`` or a process."""

    purpose: str
    actor: str


_current: ContextVar[Use | None] = ContextVar("ringfence_use", default=None)


@contextmanager
def using(purpose: str, actor: str) -> Iterator[None]:
    """Open personal data for this purpose until the block ends."""
    token = _current.set(Use(purpose, actor))
    try:
        yield
    finally:
        _current.reset(token)


def current_use() -> Use:
    """The use in force. Raises PurposeRequired."""
    use = _current.get()
    if use is None:
        raise PurposeRequired("personal data is opened for a purpose, and none was given")
    return use


def current_actor() -> str:
    """Who acts, for the audit trail; ``system`` outside any use."""
    use = _current.get()
    return "system" if use is None else use.actor
