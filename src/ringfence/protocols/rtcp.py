"""RTCP compound packets (RFC 3550 section 6): SR, RR, SDES, BYE."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = struct.Struct("!BBH")
_REPORT = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IIIII")
_WORD = struct.Struct("!I")
SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
_CNAME = 1
_NTP_EPOCH = 2_208_988_800


class RtcpError(ValueError):
    """Not an RTCP packet."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says about one source; jitter in timestamp units, delays in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int = 0
    delay_since_last_sr: int = 0


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """A sender's clock and counts; ``ntp`` is the 64-bit NTP timestamp."""

    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """SR (with ``sender``) or RR."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES: the CNAME of each source."""

    cnames: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE."""

    sources: tuple[int, ...]


Packet = Report | SourceDescription | Goodbye


def ntp_timestamp(micros: int) -> int:
    """64-bit NTP timestamp of microseconds since the Unix epoch."""
    seconds, rest = divmod(micros, 1_000_000)
    return (seconds + _NTP_EPOCH & 0xFFFF_FFFF) << 32 | (rest << 32) // 1_000_000


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP timestamp, as LSR carries them."""
    return ntp >> 16 & 0xFFFF_FFFF


def build(packets: Sequence[Packet]) -> bytes:
    """A compound packet."""
    return b"".join(_build_one(packet) for packet in packets)


def _build_one(packet: Packet) -> bytes:
    if isinstance(packet, Report):
        return _build_report(packet)
    if isinstance(packet, Goodbye):
        body = struct.pack(f"!{len(packet.sources)}I", *packet.sources)
        return _frame(GOODBYE, len(packet.sources), body)
    chunks = b"".join(_chunk(ssrc, cname) for ssrc, cname in packet.cnames)
    return _frame(SOURCE_DESCRIPTION, len(packet.cnames), chunks)


def _build_report(report: Report) -> bytes:
    body = _WORD.pack(report.ssrc)
    if report.sender is not None:
        sender = report.sender
        body += _SENDER.pack(
            sender.ntp >> 32,
            sender.ntp & 0xFFFF_FFFF,
            sender.rtp_timestamp,
            sender.packets & 0xFFFF_FFFF,
            sender.octets & 0xFFFF_FFFF,
        )
    for block in report.blocks:
        lost = max(-0x80_0000, min(block.lost, 0x7F_FFFF)) & 0xFF_FFFF
        body += _REPORT.pack(
            block.ssrc,
            block.fraction_lost << 24 | lost,
            block.highest_sequence & 0xFFFF_FFFF,
            block.jitter,
            block.last_sr,
            block.delay_since_last_sr,
        )
    kind = RECEIVER_REPORT if report.sender is None else SENDER_REPORT
    return _frame(kind, len(report.blocks), body)


def _chunk(ssrc: int, cname: str) -> bytes:
    text = cname.encode()[:255]
    item = _WORD.pack(ssrc) + bytes([_CNAME, len(text)]) + text
    return item + bytes(4 - len(item) % 4)


def _frame(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def parse(data: bytes) -> list[Packet]:
    """Read a compound packet; kinds not named here are skipped. Raises RtcpError."""
    packets: list[Packet] = []
    position = 0
    while position < len(data):
        if len(data) - position < _HEAD.size:
            raise RtcpError("an RTCP header is cut off")
        first, kind, words = _HEAD.unpack_from(data, position)
        end = position + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            raise RtcpError("an RTCP packet has a wrong version or length")
        body = data[position + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise RtcpError("RTCP padding is longer than its packet")
            body = body[: -body[-1]]
        try:
            packet = _parse_one(kind, first & 0x1F, body)
        except (struct.error, IndexError):
            raise RtcpError("an RTCP packet is shorter than its counts say") from None
        if packet is not None:
            packets.append(packet)
        position = end
    return packets


def _parse_one(kind: int, count: int, body: bytes) -> Packet | None:
    if kind in (SENDER_REPORT, RECEIVER_REPORT):
        return _parse_report(kind, count, body)
    if kind == SOURCE_DESCRIPTION:
        return _parse_sdes(count, body)
    if kind == GOODBYE:
        return Goodbye(struct.unpack_from(f"!{count}I", body))
    return None


def _parse_report(kind: int, count: int, body: bytes) -> Report:
    (ssrc,) = _WORD.unpack_from(body)
    sender = None
    position = 4
    if kind == SENDER_REPORT:
        high, low, rtp, packets, octets = _SENDER.unpack_from(body, position)
        sender = SenderInfo(high << 32 | low, rtp, packets, octets)
        position += _SENDER.size
    blocks = []
    for index in range(count):
        source, loss, highest, jitter, last_sr, delay = _REPORT.unpack_from(
            body, position + index * _REPORT.size
        )
        lost = loss & 0xFF_FFFF
        lost -= (lost & 0x80_0000) << 1
        blocks.append(ReportBlock(source, loss >> 24, lost, highest, jitter, last_sr, delay))
    return Report(ssrc, sender, tuple(blocks))


def _parse_sdes(count: int, body: bytes) -> SourceDescription:
    cnames = []
    position = 0
    for _ in range(count):
        (ssrc,) = _WORD.unpack_from(body, position)
        position += 4
        while body[position]:
            kind, length = body[position], body[position + 1]
            text = body[position + 2 : position + 2 + length]
            if len(text) != length:
                raise RtcpError("an SDES item is cut off")
            if kind == _CNAME:
                cnames.append((ssrc, text.decode(errors="replace")))
            position += 2 + length
        position += 4 - position % 4
    return SourceDescription(tuple(cnames))
