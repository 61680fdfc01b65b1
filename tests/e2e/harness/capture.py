"""What tcpdump saw on loopback: the judge of when which audio went where."""

from __future__ import annotations

import contextlib
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness.peers import need
from tests.e2e.harness.wait import wait_until

_ETHERNET, _UDP = 14, 17


@dataclass(frozen=True)
class Rtp:
    """An RTP packet; ``at`` is the kernel's time in seconds since the epoch."""

    at: float
    to: tuple[str, int]
    payload_type: int
    payload: bytes


class Capture:
    """``with`` starts tcpdump for one IPv4 network and ends it; then ``rtp`` may be asked."""

    def __init__(self, folder: Path, network: str) -> None:
        need("tcpdump", "tcpdump")
        self._file = folder / "capture.pcap"
        self._network = network
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Capture:
        self._process = subprocess.Popen(
            ["tcpdump", "-i", "lo", "-n", "-U", "--immediate-mode", "-B", "16384", "-Z", "root",
             "-w", str(self._file), "udp", "and", "net", self._network],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_until(lambda: self._file.exists() and self._file.stat().st_size >= 24, 10.0)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process is not None
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        _, said = self._process.communicate()
        assert b" 0 packets dropped by kernel" in said or b"\n0 packets dropped" in said, said

    def rtp(self, host: str) -> list[Rtp]:
        """What was sent to this address, in order."""
        data = self._file.read_bytes()
        assert data[:4] == b"\xd4\xc3\xb2\xa1", "not a pcap of this machine"
        found, at = [], 24
        while at + 16 <= len(data):
            seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
            packet = _rtp(data[at + 16 : at + 16 + length], seconds + micros / 1e6)
            if packet is not None and packet.to[0] == host:
                found.append(packet)
            at += 16 + length
        return found


def _rtp(frame: bytes, at: float) -> Rtp | None:
    ip = frame[_ETHERNET:]
    if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != _UDP:
        return None
    udp = ip[(ip[0] & 15) * 4 :]
    port = int.from_bytes(udp[2:4], "big")
    body = udp[8:]
    if len(body) < 12 or body[0] >> 6 != 2 or 64 <= body[1] & 0x7F < 96:
        return None
    return Rtp(at, (".".join(map(str, ip[16:20])), port), body[1] & 0x7F, body[12:])
