"""Symmetric RTP: where a peer's packets truly come from, learnt only when it is due.

A packet is only evidence. Within ``window`` seconds of an offer or answer, the address that the SDP
named is taken at once; any other source must show the same SSRC in consecutive packets over at
least 40 ms, with no packet of the present source between them. Outside the window nothing new is
learnt, so an injected stream ("RTP bleed", Asterisk advisory AST-2017-005) never gets a call.
"""

from __future__ import annotations

from dataclasses import dataclass

Source = tuple[str, int]

_PACKETS = 3
_SPAN_SECONDS = 0.035
_SUPERSEDED_PACKETS = 25
"""A source that a new SDP address replaced may still be sending for a moment: it has to insist."""


@dataclass(slots=True)
class _Candidate:
    source: Source
    ssrc: int
    since: float
    heard_then: int
    packets: int = 1


class Latch:
    """Decides about packets that do not come from ``source``."""

    def __init__(self, window: float) -> None:
        self.source: Source | None = None
        """Where packets are taken from; None until one was."""
        self._window = window
        self._until = 0.0
        self._named: Source | None = None
        self._superseded: Source | None = None
        self._candidate: _Candidate | None = None

    def open(self, named: Source | None, now: float) -> None:
        """An offer or answer was exchanged; ``named`` is the RTP address in the peer's SDP."""
        if named is not None and named != self._named:
            if self._named is not None:
                self._superseded = self.source
                self.source = None
            self._named = named
        self._until = now + self._window
        self._candidate = None

    def admit(self, source: Source, ssrc: int, heard: int, now: float) -> bool:
        """Whether a packet of another source makes it the source from now on.

        ``heard`` counts the packets taken so far: when it grows, the present source is alive.
        """
        if source == self._named and self.source is None:
            self.source = source  # the agreed address needs no proof and no window
            return True
        if now > self._until:
            return False
        candidate = self._candidate
        if (
            candidate is None
            or (candidate.source, candidate.ssrc) != (source, ssrc)
            or candidate.heard_then != heard
        ):
            self._candidate = _Candidate(source, ssrc, now, heard)
            return False
        candidate.packets += 1
        needed = _SUPERSEDED_PACKETS if source == self._superseded else _PACKETS
        if candidate.packets < needed or now - candidate.since < _SPAN_SECONDS:
            return False
        self.source = source
        self._candidate = None
        return True
