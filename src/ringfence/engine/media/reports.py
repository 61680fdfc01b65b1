"""RTCP of one leg: our reports every 5 s or so, and what the peer's reports say."""

from __future__ import annotations

import asyncio
import random
import socket

from ringfence.engine.media.latch import Latch, Source
from ringfence.engine.media.reception import Reception
from ringfence.engine.media.stream import RATE, OutStream
from ringfence.kernel.clock import Clock
from ringfence.protocols import rtcp

_INTERVAL_SECONDS = 5.0
_UNITS = 65536
"""LSR and DLSR count 1/65536 seconds."""
_MAX_RTT_SECONDS = 30


class Reports:
    """Sends SR or RR with SDES, reads the peer's; RFC 3550 section 6."""

    def __init__(
        self,
        endpoint: socket.socket,
        rtp_endpoint: socket.socket,
        reception: Reception,
        out: OutStream,
        latch: Latch,
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._rtp_endpoint = rtp_endpoint
        self._reception = reception
        self._out = out
        self._latch = latch
        self._clock = clock
        self._cname = f"{out.ssrc:08x}@ringfence"
        self._target: Source | None = None
        self._mux = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_sr = 0
        self._last_sr_at = 0.0
        self.remote_lost: int | None = None
        self.remote_jitter_ms: float | None = None
        self.rtt_ms: float | None = None

    def configure(self, target: Source, *, mux: bool) -> None:
        """Send to ``target``, over the RTP port when multiplexed (RFC 5761)."""
        self._target = target
        self._mux = mux
        if self._timer is None:
            self._schedule()

    def readable(self) -> None:
        """Take one packet from the RTCP socket."""
        try:
            data, source = self._endpoint.recvfrom(2048)
        except OSError:
            return
        self.received(data, source)

    def received(self, data: bytes, source: Source) -> None:
        """Read a peer's compound packet; other hosts than the media's are ignored."""
        media = self._latch.source
        expected = media or self._target
        if expected is None or source[0] != expected[0]:
            return
        try:
            packets = rtcp.parse(data)
        except rtcp.RtcpError:
            return
        if not self._mux:
            self._target = source
        for packet in packets:
            if isinstance(packet, rtcp.Report):
                self._read(packet)

    def close(self) -> None:
        """Say BYE and stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._send([self._report(), rtcp.Goodbye((self._out.ssrc,))])

    def _schedule(self) -> None:
        # RFC 3550 6.3.1: spread over 0.5-1.5 of the interval.
        delay = _INTERVAL_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load only
        self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        names = rtcp.SourceDescription(((self._out.ssrc, self._cname),))
        self._send([self._report(), names])
        self._schedule()

    def _send(self, packets: list[rtcp.Packet]) -> None:
        target = self._target
        endpoint = self._endpoint
        if self._mux:
            target, endpoint = self._latch.source or target, self._rtp_endpoint
        if target is None or target[1] == 0:
            return
        try:
            endpoint.sendto(rtcp.build(packets), target)
        except OSError:
            return

    def _report(self) -> rtcp.Report:
        out = self._out
        now = self._clock.monotonic()
        sender = None
        if out.packets:
            timestamp = out.timestamp + int((now - out.sent_at) * RATE) & 0xFFFF_FFFF
            ntp = rtcp.ntp_timestamp(self._clock.micros())
            sender = rtcp.SenderInfo(ntp, timestamp, out.packets, out.octets)
        blocks = (self._block(now),) if self._reception.ssrc is not None else ()
        return rtcp.Report(out.ssrc, sender, blocks)

    def _block(self, now: float) -> rtcp.ReportBlock:
        stats = self._reception.stats
        delay = int((now - self._last_sr_at) * _UNITS) if self._last_sr else 0
        return rtcp.ReportBlock(
            self._reception.ssrc or 0,
            stats.fraction_lost(),
            stats.lost,
            stats.extended,
            int(stats.jitter),
            self._last_sr,
            min(delay, 0xFFFF_FFFF),
        )

    def _read(self, report: rtcp.Report) -> None:
        if report.sender is not None:
            self._last_sr = rtcp.middle(report.sender.ntp)
            self._last_sr_at = self._clock.monotonic()
        for block in report.blocks:
            if block.ssrc != self._out.ssrc:
                continue
            self.remote_lost = max(block.lost, 0)
            self.remote_jitter_ms = block.jitter * 1000 / RATE
            if block.last_sr:
                here = rtcp.middle(rtcp.ntp_timestamp(self._clock.micros()))
                trip = here - block.last_sr - block.delay_since_last_sr & 0xFFFF_FFFF
                if trip < _MAX_RTT_SECONDS * _UNITS:
                    self.rtt_ms = trip * 1000 / _UNITS
