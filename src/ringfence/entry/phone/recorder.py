"""What a phone heard: RTP packets kept as they came, judged afterwards (RFC 3550, RFC 4733)."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

from ringfence.entry.phone import sound

_CODECS = {0: "PCMU", 8: "PCMA"}
_DIGITS = "0123456789*#ABCD"
_FRAMES = sound.WINDOW // sound.FRAME


@dataclass(frozen=True, slots=True)
class Packet:
    """One received RTP packet; ``at`` is the event loop's time of arrival in seconds."""

    at: float
    ssrc: int
    seq: int
    timestamp: int
    payload_type: int
    marker: bool
    payload: bytes


@dataclass(frozen=True)
class Heard:
    """The audio of a stretch of a call.

    ``tones``: Hz -> share of the analysed windows (0..1) in which it sounded. ``lost`` and
    ``reordered`` count by sequence number, ``longest_gap`` is in seconds between two arrivals.
    """

    tones: dict[int, float]
    windows: int
    packets: int
    lost: int
    reordered: int
    duplicates: int
    longest_gap: float
    streams: int
    """Different SSRCs."""

    def only(self, hertz: int) -> bool:
        """Whether this tone sounded all the time, and no other ever."""
        return self.windows > 0 and self.tones == {hertz: 1.0}

    def mostly(self, hertz: int, share: float = 0.6) -> bool:
        """Whether this tone dominated and no other came near: for lossy paths."""
        others = max((part for tone, part in self.tones.items() if tone != hertz), default=0.0)
        return self.tones.get(hertz, 0.0) >= share and others < share / 4


def read_packet(data: bytes, at: float) -> Packet | None:
    """An RTP packet, or None when the bytes are none."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, seq, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
    end = len(data) - (data[-1] if first & 0x20 else 0)
    return Packet(at, ssrc, seq, timestamp, second & 0x7F, bool(second & 0x80), data[start:end])


class Recorder:
    """Keeps the packets of one call."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.rtcp: list[bytes] = []

    def forget(self) -> None:
        """Start a new stretch: what came before no longer counts."""
        self.packets.clear()

    def heard(self, *, max_windows: int = 12) -> Heard:
        """Judge the stretch. At most ``max_windows`` windows of 100 ms, spread over it evenly."""
        audio = [packet for packet in self.packets if packet.payload_type in _CODECS]
        windows = _windows(audio)
        chosen = windows[:: max(1, -(-len(windows) // max_windows))] if windows else []
        counts: Counter[int] = Counter()
        for window in chosen:
            counts.update(sound.tones_in(window))
        lost, reordered, duplicates = _continuity(self.packets)
        gaps = [b.at - a.at for a, b in zip(self.packets, self.packets[1:], strict=False)]
        return Heard(
            tones={tone: count / len(chosen) for tone, count in sorted(counts.items())},
            windows=len(chosen),
            packets=len(audio),
            lost=lost,
            reordered=reordered,
            duplicates=duplicates,
            longest_gap=max(gaps, default=0.0),
            streams=len({packet.ssrc for packet in self.packets}),
        )

    def digits(self, payload_type: int) -> str:
        """The digits pressed, each once however often its packets were repeated."""
        found: dict[tuple[int, int], str] = {}
        for packet in self.packets:
            if packet.payload_type == payload_type and len(packet.payload) >= 4:
                event = packet.payload[0]
                if event < len(_DIGITS):
                    found.setdefault((packet.ssrc, packet.timestamp), _DIGITS[event])
        return "".join(found.values())


def event_payloads(digit: str, frames: int) -> list[bytes]:
    """RFC 4733 payloads of a digit held for ``frames`` x 20 ms, its end sent three times."""
    event = _DIGITS.index(digit)
    held = [struct.pack("!BBH", event, 10, sound.FRAME * n) for n in range(1, frames)]
    return held + [struct.pack("!BBH", event, 0x80 | 10, sound.FRAME * frames)] * 3


def _windows(audio: list[Packet]) -> list[list[int]]:
    """Runs of frames that follow each other without a hole, cut to whole analysis windows."""
    ordered = sorted({(p.ssrc, p.timestamp): p for p in audio}.values(), key=lambda p: p.at)
    by_time: dict[int, list[Packet]] = {}
    for packet in ordered:
        by_time.setdefault(packet.ssrc, []).append(packet)
    windows = []
    for stream in by_time.values():
        stream.sort(key=lambda packet: packet.timestamp)
        run: list[Packet] = []
        for packet in stream:
            if run and packet.timestamp != run[-1].timestamp + sound.FRAME:
                run = []
            if len(packet.payload) != sound.FRAME:
                run = []
                continue
            run.append(packet)
            if len(run) == _FRAMES:
                samples: list[int] = []
                for one in run:
                    samples += sound.decode(one.payload, _CODECS[one.payload_type])
                windows.append(samples)
                run = []
    return windows


def _continuity(packets: list[Packet]) -> tuple[int, int, int]:
    lost = reordered = duplicates = 0
    streams: dict[int, list[int]] = {}
    for packet in packets:
        streams.setdefault(packet.ssrc, []).append(packet.seq)
    for numbers in streams.values():
        highest, extended = numbers[0], [numbers[0]]
        for number in numbers[1:]:
            step = (number - highest + 0x8000) % 0x10000 - 0x8000
            extended.append(highest + step)
            reordered += step < 0
            highest = max(highest, highest + step)
        distinct = set(extended)
        duplicates += len(extended) - len(distinct)
        lost += max(distinct) - min(distinct) + 1 - len(distinct)
    return lost, reordered, duplicates
