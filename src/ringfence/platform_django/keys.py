"""This process's access to the process ``keys``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize

from django.conf import settings as django_settings

from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.settings import Settings
from ringfence.platform_django.clock import clock

_keys: BlockingKeys | None = None


class KeysNotConfigured(RuntimeError):
    """A process uses keys without having said by which credential: a mistake of ours."""


def configure_keys(credential: str, settings: Settings | None = None) -> None:
    """Say who this process is towards ``keys``; nothing is connected before the first use.

    The first one counts. ``settings`` default to those that Django runs with. When the process
    ends, ``keys`` is told that it holds no key any more; a destruction would wait for it else.
    """
    global _keys
    if _keys is None:
        _keys = BlockingKeys(settings or django_settings.RINGFENCE, credential, clock())
        # atexit is not for the children of multiprocessing, and Granian serves in one
        Finalize(None, _keys.close, exitpriority=5)


@contextmanager
def use_keys(client: BlockingKeys) -> Iterator[None]:
    """Put another client in force for the whole process, until the block ends."""
    global _keys
    previous, _keys = _keys, client
    try:
        yield
    finally:
        _keys = previous


def keys() -> BlockingKeys:
    """The client of this process. Its calls raise Unavailable while ``keys`` is away."""
    if _keys is None:
        raise KeysNotConfigured("configure_keys was not called in this process")
    return _keys
