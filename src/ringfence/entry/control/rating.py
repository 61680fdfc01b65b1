"""Calls that ended are rated as the journal grows. Blocking; runs in its own thread."""

from __future__ import annotations

import logging
import threading
import time

from django.db import Error, connections

from ringfence.domains.ledger.api import checkpoint, rate_next
from ringfence.kernel.errors import RingfenceError

_BATCH = 10_000
"""Events of the journal: some nine hundred calls."""
_IDLE_SECONDS = 0.2
_MAX_BACK_OFF = 5.0
_CHECKPOINT_SECONDS = 15.0
_log = logging.getLogger("ringfence.rating")


class Rating:
    """Follows the journal from where the last rating ended. Whatever a crash cuts off, or fails
    because database or `keys` are away, is done again: nothing was posted of it."""

    def __init__(self) -> None:
        self._noted = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Rate until told to stop."""
        back_off = _IDLE_SECONDS
        while not stop.is_set():
            try:
                more = self.advance()
            except (Error, RingfenceError) as error:
                if back_off == _IDLE_SECONDS:
                    kv = {"error": type(error).__name__}
                    _log.warning("rating waits", extra={"kv": kv})
                connections.close_all()
                stop.wait(back_off)
                back_off = min(back_off * 2, _MAX_BACK_OFF)
                continue
            if back_off != _IDLE_SECONDS:
                _log.info("rating goes on")
                back_off = _IDLE_SECONDS
            if not more:
                stop.wait(_IDLE_SECONDS)
        connections.close_all()

    def advance(self) -> bool:
        """Rate a batch, and note the sums of long accounts now and then; whether more may wait.

        Raises django.db.Error, Unavailable.
        """
        if time.monotonic() - self._noted >= _CHECKPOINT_SECONDS:
            self._noted = time.monotonic()
            checkpoint()
        return rate_next(_BATCH)
