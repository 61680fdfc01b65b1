"""How much content a session opens without a second factor."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta
from uuid import UUID

BULK = 20
"""Openings within an hour that need no second factor."""
_WINDOW = timedelta(hours=1)


class Openings:
    """Counts in the memory of the process, so each process of ``web`` counts for itself. Safe for
    threads."""

    def __init__(self) -> None:
        self._times: dict[UUID, deque[datetime]] = {}
        self._lock = threading.Lock()

    def is_bulk(self, who: UUID, now: datetime) -> bool:
        """Count one more opening of somebody's, unless it would be one too many."""
        with self._lock:
            times = self._times.setdefault(who, deque())
            while times and now - times[0] >= _WINDOW:
                times.popleft()
            if len(times) >= BULK:
                return True
            times.append(now)
            for other in [one for one, seen in self._times.items() if now - seen[-1] >= _WINDOW]:
                del self._times[other]
            return False


openings = Openings()
"""Of this process."""
