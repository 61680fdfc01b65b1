"""One leg of a session: its ports, its negotiation, and the parts that move its packets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Literal

from ringfence.engine.media import quality
from ringfence.engine.media.clock import FrameClock
from ringfence.engine.media.errors import DigitsInvalid
from ringfence.engine.media.latch import Latch
from ringfence.engine.media.negotiation import Negotiation
from ringfence.engine.media.player import Player
from ringfence.engine.media.ports import PortPair
from ringfence.engine.media.reception import Reception
from ringfence.engine.media.reports import Reports
from ringfence.engine.media.sources import Sound
from ringfence.engine.media.stream import RATE, OutStream, Relay, routes
from ringfence.engine.media.timeline import Timeline
from ringfence.engine.ports import LegStats
from ringfence.kernel.clock import Clock
from ringfence.protocols import dtmf

EventKind = Literal["dtmf", "silence", "play_done", "first_packet"]
OnEvent = Callable[[EventKind, dict[str, Any]], None]


class Leg:
    """Media towards one peer."""

    def __init__(
        self,
        pair: PortPair,
        advertised: str,
        latch_seconds: float,
        ticker: FrameClock,
        clock: Clock,
        on_event: OnEvent,
    ) -> None:
        self.pair = pair
        self.peer: Leg | None = None
        """The leg that this one is connected to."""
        self._clock = clock
        self._on_event = on_event
        self._negotiation = Negotiation(advertised, pair.port)
        self._latch = Latch(latch_seconds)
        self._out = OutStream(pair.rtp)
        self._reception = Reception(
            pair.rtp, self._latch, clock, self._digit, self._source_found, self._rtcp
        )
        self._reports = Reports(pair.rtcp, pair.rtp, self._reception, self._out, self._latch, clock)
        self._player = Player(self._out, ticker, clock, self._play_done)
        self._play_asked = self._play_begun = 0
        self._timeline: Timeline | None = None
        self._heard_first = False
        self._quiet_since = clock.monotonic()
        self._packets_then = 0
        loop = asyncio.get_running_loop()
        loop.add_reader(pair.rtp, self._reception.readable)
        loop.add_reader(pair.rtcp, self._reports.readable)

    @property
    def codec_names(self) -> Collection[str]:
        return self._negotiation.codec_names

    def offer(self, allowed: Collection[str] | None) -> bytes:
        """Our offer. Raises NoCommonCodec."""
        body = self._negotiation.offer(allowed)
        self._latch.open(None, self._clock.monotonic())
        self._reception.formats = self._negotiation.receive
        return body

    def accept_offer(self, sdp: bytes) -> bytes:
        """Our answer to the peer's offer. Raises SdpError, NoCommonCodec."""
        body = self._negotiation.accept_offer(sdp)
        self._agreed()
        return body

    def accept_answer(self, sdp: bytes) -> None:
        """Apply the peer's answer. Raises SdpError, NoCommonCodec."""
        self._negotiation.accept_answer(sdp)
        self._agreed()

    def connect(self, peer: Leg | None) -> None:
        """Hand what this leg's peer says to another leg, or to nobody."""
        self.peer = peer
        self._link()

    def record(self, timeline: Timeline | None) -> None:
        """Put what this leg's peer says into a track, while it is not on hold; None ends it."""
        self._timeline = timeline
        self._reception.timeline = timeline if self._speaks else None

    def next_play(self) -> int:
        """The place in the order of what was asked to be played, for ``play``."""
        self._play_asked += 1
        return self._play_asked

    def play(self, order: int, sound: Sound | None, number: int = 0) -> None:
        """Send audio instead of what the peer says; None ends it.

        What was asked for later and has begun already goes on. ``number`` comes back in the event.
        """
        if order < self._play_begun:
            return
        self._play_begun = order
        if sound is None:
            self._player.stop()
        else:
            self._player.play(sound, number)

    def send_digits(self, digits: str, duration_ms: int) -> None:
        """Queue digits. Raises DigitsInvalid."""
        if self._out.event is None:
            raise DigitsInvalid("the peer takes no telephone events")
        try:
            senders = [dtmf.DtmfSender(digit, duration_ms * RATE // 1000) for digit in digits]
        except dtmf.DtmfError:
            raise DigitsInvalid("only 0-9, *, # and A-D can be sent") from None
        if senders:
            self._player.send_digits(senders)

    def check_silence(self, limit: float) -> None:
        """Report when the peer, though not on hold, sent nothing for ``limit`` seconds; then again
        after each further ``limit``."""
        now = self._clock.monotonic()
        remote = self._negotiation.remote
        if self._reception.packets != self._packets_then or remote is None:
            self._packets_then = self._reception.packets
            self._quiet_since = now
        elif not remote.direction.sends:
            self._quiet_since = now
        elif now - self._quiet_since >= limit:
            self._on_event("silence", {"seconds": round(now - self._quiet_since)})
            self._quiet_since = now

    def stats(self) -> LegStats:
        reception, reports, out = self._reception, self._reports, self._out
        jitter_ms = reception.jitter_seconds * 1000
        mos = None
        if reception.packets:
            loss = reception.lost / (reception.lost + reception.packets)
            mos = round(quality.mos(loss, jitter_ms, reports.rtt_ms), 2)
        return LegStats(
            codec=out.audio.name if self._negotiation.remote is not None else None,
            rx_packets=reception.packets,
            rx_octets=reception.octets,
            rx_lost=reception.lost,
            rx_jitter_ms=round(jitter_ms, 3),
            tx_packets=out.packets,
            tx_octets=out.octets,
            remote_lost=reports.remote_lost,
            remote_jitter_ms=reports.remote_jitter_ms,
            rtt_ms=reports.rtt_ms,
            mos=mos,
        )

    def close(self) -> None:
        """Stop everything but the ports, which their pool closes."""
        separate(self)
        self._player.close()
        self._reports.close()
        self._reception.close()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.pair.rtp)
        loop.remove_reader(self.pair.rtcp)

    def _agreed(self) -> None:
        """An exchange ended: apply what the peer said."""
        remote = self._negotiation.remote
        assert remote is not None
        now = self._clock.monotonic()
        self._reception.formats = self._negotiation.receive
        named = None if remote.on_hold_address else (remote.host, remote.port)
        self._latch.open(named, now)
        self._reception.forget_source()
        target = (self._latch.source or named) if remote.direction.receives else None
        self._out.configure(remote, target)
        self._reports.configure((remote.rtcp_host, remote.rtcp_port), mux=remote.rtcp_mux)
        self._quiet_since = now
        self._link()
        if self.peer is not None:
            self.peer._link()

    def _link(self) -> None:
        """Build the relay from this leg to its peer, as both now speak."""
        self._reception.timeline = self._timeline if self._speaks else None
        self._reception.relay = None
        if self.peer is None or not self._speaks:
            return
        table = routes(self._reception.formats, self.peer._out)
        self._reception.relay = Relay(self.peer._out, table)

    @property
    def _speaks(self) -> bool:
        """Whether the peer, by its SDP, sends: on hold, what comes is neither relayed nor kept."""
        remote = self._negotiation.remote
        return remote is None or remote.direction.sends

    def _source_found(self) -> None:
        """The latch learnt where the peer's packets come from: send there."""
        if self._out.target is not None:
            self._out.target = self._latch.source
        if not self._heard_first:
            self._heard_first = True
            self._on_event("first_packet", {})

    def _play_done(self, number: int) -> None:
        self._on_event("play_done", {"play": number})

    def _digit(self, digit: dtmf.Digit) -> None:
        milliseconds = digit.duration * 1000 // RATE
        self._on_event("dtmf", {"digit": digit.digit, "duration_ms": milliseconds})

    def _rtcp(self, data: bytes, source: tuple[str, int]) -> None:
        self._reports.received(data, source)


def join(a: Leg, b: Leg) -> None:
    """Relay between two legs; whatever either was connected to before hears nothing more."""
    separate(a)
    separate(b)
    a.connect(b)
    b.connect(a)


def separate(leg: Leg) -> None:
    """Disconnect a leg and its peer."""
    if leg.peer is not None:
        leg.peer.connect(None)
        leg.connect(None)
