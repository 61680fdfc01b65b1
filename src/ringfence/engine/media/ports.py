"""RTP/RTCP port pairs of one worker."""

from __future__ import annotations

import contextlib
import socket
from collections import deque

from ringfence.engine.media.errors import NoPorts
from ringfence.kernel.clock import Clock

QUARANTINE_SECONDS = 5.0
"""A freed pair rests: packets still under way to its last call must not reach the next one."""
_ATTEMPTS = 64


class PortPair:
    """Two bound, non-blocking UDP sockets: RTP on an even port, RTCP on the next."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError when another process has one of the ports."""
        self.port = port
        self.rtp = _bound(host, port)
        try:
            self.rtcp = _bound(host, port + 1)
        except OSError:
            self.rtp.close()
            raise

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def _bound(host: str, port: int) -> socket.socket:
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        endpoint.setblocking(False)
        with contextlib.suppress(OSError):  # expedited forwarding, RFC 4594; not all hosts allow it
            endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
        endpoint.bind((host, port))
    except OSError:
        endpoint.close()
        raise
    return endpoint


class PortPool:
    """Hands out pairs of a range, the one that rested longest first."""

    def __init__(self, host: str, first: int, last: int, clock: Clock) -> None:
        """``first`` is even; ``last`` is the RTCP port of the last pair."""
        self._host = host
        self._clock = clock
        self._free = deque(range(first, last, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self.total = len(self._free)

    def acquire(self) -> PortPair:
        """Bind a pair. Raises NoPorts when none is free."""
        now = self._clock.monotonic()
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        for _ in range(min(_ATTEMPTS, len(self._free))):
            port = self._free.popleft()
            try:
                return PortPair(self._host, port)
            except OSError:
                self._free.append(port)
        raise NoPorts("no RTP port pair is free on this worker")

    def release(self, pair: PortPair) -> None:
        """Close a pair and let its ports rest."""
        pair.close()
        self._resting.append((self._clock.monotonic() + QUARANTINE_SECONDS, pair.port))
