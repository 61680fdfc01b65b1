"""Dial: which target is tried next, and what the caller is told in the end."""

from __future__ import annotations

from ringfence.engine.signalling.causes import Cause, Next
from ringfence.engine.verbs.model import DeviceTarget, Dial, DialTarget, SipTarget, TrunkTarget


def destination(target: DialTarget) -> str:
    """What a target reaches, whichever way: two routes to one number are one destination."""
    match target:
        case TrunkTarget(number=number):
            return number
        case SipTarget(uri=uri):
            return uri
        case DeviceTarget(username=username):
            return username


class Hunt:
    """Progress of one Dial through its targets, in order (RFC 3261 16.7 for what wins)."""

    def __init__(self, dial: Dial) -> None:
        self.dial = dial
        self._next = 0
        self._refused: set[str] = set()
        self._stopped = False
        self._best: Cause | None = None

    def next(self) -> DialTarget | None:
        """The target to ring now, or None when there is nothing left to try."""
        while not self._stopped and self._next < len(self.dial.targets):
            target = self.dial.targets[self._next]
            self._next += 1
            if destination(target) not in self._refused:
                return target
        return None

    def failed(self, target: DialTarget, cause: Cause) -> None:
        """Say how a target failed."""
        if cause.next is Next.CALL:
            self._stopped = True
        elif cause.next is Next.TARGET:
            self._refused.add(destination(target))
        if self._best is None or _rank(cause) >= _rank(self._best):
            self._best = cause

    @property
    def outcome(self) -> Cause | None:
        """What ends the call: a verdict of the destination outweighs a route that failed."""
        return self._best


def _rank(cause: Cause) -> int:
    return (Next.ROUTE, Next.TARGET, Next.CALL).index(cause.next)
