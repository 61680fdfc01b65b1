"""Builds the client of a process that belongs to this installation."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.kernel.clock import Clock
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings


def secret_name(credential: str) -> str:
    """The installation secret by which a process proves itself to ``keys``."""
    return f"keys-{credential}"


def key_client(
    settings: Settings, credential: str, clock: Clock, audit: Callable[[UseRecord], None]
) -> KeyClient:
    """A client that is not started yet; ``audit`` is told of openings and refusals."""
    secret = installation_secret(settings.data_dir, secret_name(credential))
    return KeyClient(settings.key_socket, settings.key_generation, credential, secret, clock, audit)
