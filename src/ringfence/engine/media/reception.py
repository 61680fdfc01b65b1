"""What a leg says: its packets taken from the socket, counted, and handed to the relay."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ringfence.engine.media.latch import Latch, Source
from ringfence.engine.media.stream import BUFFER, HEADER, RATE, VIEWS, Relay
from ringfence.engine.media.timeline import Timeline
from ringfence.kernel.clock import Clock
from ringfence.protocols import dtmf, g711, rtp
from ringfence.protocols.offer_answer import EVENT

_EVENT_LOST_SECONDS = 0.25
"""A digit whose packets stopped without an end has ended."""


class Reception:
    """Receives one leg's RTP."""

    def __init__(
        self,
        endpoint: socket.socket,
        latch: Latch,
        clock: Clock,
        on_digit: Callable[[dtmf.Digit], None],
        on_source: Callable[[], None],
        on_rtcp: Callable[[bytes, Source], None],
    ) -> None:
        self._receive = endpoint.recvfrom_into
        self._monotonic = clock.monotonic
        self._latch = latch
        self._source: Source | None = None
        self._on_digit = on_digit
        self._on_source = on_source
        self._on_rtcp = on_rtcp
        self._digits = dtmf.DtmfReceiver()
        self._digit_timer: asyncio.TimerHandle | None = None
        self.formats: dict[int, str] = {}
        """Codec names by payload type that the peer may send."""
        self.relay: Relay | None = None
        """Where packets go on to; None drops them after counting."""
        self.timeline: Timeline | None = None
        """Where audio is recorded."""
        self.ssrc: int | None = None
        self.stats = rtp.ReceptionStats(0)
        """Of the present SSRC."""
        self.packets = 0
        self.octets = 0
        self._lost_before = 0

    @property
    def lost(self) -> int:
        """Packets lost over all SSRCs, never below 0."""
        return self._lost_before + (max(self.stats.lost, 0) if self.ssrc is not None else 0)

    @property
    def jitter_seconds(self) -> float:
        return self.stats.jitter / RATE

    def readable(self) -> None:
        """Take one packet. When more wait, the loop calls again in its next round, after the other
        legs had their turn; asking the socket twice would cost every packet a failing call."""
        try:
            length, source = self._receive(BUFFER)
        except OSError:  # nothing there after all, or an ICMP error about an earlier packet
            return
        self._received(length, source)

    def forget_source(self) -> None:
        """Ask the latch again about the next packet."""
        self._source = None

    def close(self) -> None:
        if self._digit_timer is not None:
            self._digit_timer.cancel()

    def _received(self, length: int, source: Source) -> None:
        if length < rtp.HEADER_BYTES:
            return
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(BUFFER)
        name = self.formats.get(second & 0x7F)
        if name is None and 192 <= second <= 223:
            self._on_rtcp(bytes(BUFFER[:length]), source)
            return
        now = self._monotonic()
        if source != self._source and not self._admit(source, ssrc, now):
            return
        if first != 0x80:
            try:
                length = _strip(length)
            except rtp.RtpError:
                return
        stats = self.stats
        if ssrc != self.ssrc:
            stats = self._new_source(ssrc, sequence)
        newest = (sequence - stats.sequence) & 0xFFFF
        if newest == 1 and sequence:
            stats.sequence = sequence
            stats.received += 1
        elif not self._out_of_line(sequence):
            return
        self.packets += 1
        self.octets += length - 12
        if name == EVENT:
            self._event(length, timestamp)
        else:
            stats.arrived(timestamp, now * RATE)
            timeline = self.timeline
            if timeline is not None and name is not None:
                payload = BUFFER[12:length]
                if name == "PCMA":
                    payload = payload.translate(g711.ALAW_TO_ULAW)
                if newest < 0x8000:
                    timeline.place(payload, timestamp, now)
                else:
                    timeline.place_late(payload, timestamp, now)
        relay = self.relay
        if relay is None:
            return
        if newest < 0x8000:
            relay.forward(length, second, sequence, timestamp, now)
        else:
            relay.forward_late(length, second, sequence, timestamp)

    def _admit(self, source: Source, ssrc: int, now: float) -> bool:
        latch = self._latch
        if source != latch.source and not latch.admit(source, ssrc, self.packets, now):
            return False
        self._source = source
        self._on_source()
        return True

    def _new_source(self, ssrc: int, sequence: int) -> rtp.ReceptionStats:
        self._lost_before = self.lost
        self.ssrc = ssrc
        self.stats = rtp.ReceptionStats(sequence)
        self._digits.reset()
        if self.relay is not None:
            self.relay.restart()
        if self.timeline is not None:
            self.timeline.restart()
        return self.stats

    def _out_of_line(self, sequence: int) -> bool:
        """Count a packet that does not follow its predecessor; whether it may be used."""
        stats = self.stats
        far = rtp.MAX_DROPOUT <= (sequence - stats.sequence) & 0xFFFF <= 0x10000 - rtp.MAX_MISORDER
        usable = stats.update(sequence)
        if usable and far and self.relay is not None:
            self.relay.restart()
        return usable

    def _event(self, length: int, timestamp: int) -> None:
        try:
            payload = dtmf.parse(VIEWS[length][12:])
        except dtmf.DtmfError:
            return
        self._report(self._digits.feed(timestamp, payload))
        if self._digit_timer is not None:
            self._digit_timer.cancel()
            self._digit_timer = None
        if self._digits.pending:
            self._digit_timer = asyncio.get_running_loop().call_later(
                _EVENT_LOST_SECONDS, lambda: self._report(self._digits.flush())
            )

    def _report(self, digits: list[dtmf.Digit]) -> None:
        for digit in digits:
            self._on_digit(digit)


def _strip(length: int) -> int:
    """Cut CSRCs, extension and padding out of the packet in BUFFER; its new length."""
    start, end = rtp.payload_span(BUFFER, length)
    new = rtp.HEADER_BYTES + end - start
    BUFFER[rtp.HEADER_BYTES : new] = BUFFER[start:end]
    return new
