"""CPU time to parse and to serialise SIP messages of about 650 bytes, and the worst 64 KB input."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.report import emit
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.framing import StreamFramer
from ringfence.protocols.sip.message import parse_message

_BODY = (
    b"v=0\r\no=- 1837456 1837456 IN IP4 192.0.2.10\r\ns=session\r\nc=IN IP4 192.0.2.10\r\n"
    b"t=0 0\r\nm=audio 14236 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
)
INVITE = (
    b"INVITE sip:+14155550123@198.51.100.7:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKPj5ae7e2dc-96b4-4d1c-8c1d\r\n"
    b'From: "Alice" <sip:1001@192.0.2.10>;tag=b0ee8d6a-87d5\r\n'
    b"To: <sip:+14155550123@198.51.100.7>\r\n"
    b"Contact: <sip:1001@192.0.2.10:5060>\r\n"
    b"Call-ID: 4f2bd5a8-2e6c-4a5c-9d0a-6c4c4d5b0e11\r\n"
    b"CSeq: 21463 INVITE\r\nMax-Forwards: 70\r\n"
    b"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY
_REPEATS = 7
_LOOPS = 5_000


def best_micros(work: Callable[[], object], loops: int = _LOOPS) -> float:
    """CPU microseconds of one run: the best of several rounds."""
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.process_time()
        for _ in range(loops):
            work()
        best = min(best, time.process_time() - start)
    return best / loops * 1e6


def _hostile() -> bytes:
    """Near the largest datagram, folded into as many lines as it can hold."""
    head, _, body = INVITE.partition(b"\r\n\r\n")
    return head + b"\r\nSubject: x" + b"\r\n a" * 15_000 + b"\r\n\r\n" + body


def main() -> None:
    message = parse_message(INVITE)
    stream = INVITE * 20

    def frame() -> None:
        assert len(StreamFramer().feed(stream)) == 20

    def survive() -> None:
        try:
            parse_message(hostile)
        except SipError:
            return

    hostile = _hostile()
    count = _REPEATS * _LOOPS
    emit("sip_parse", "message_size", len(INVITE), "bytes", 1)
    emit("sip_parse", "parse", best_micros(lambda: parse_message(INVITE)), "us", count)
    emit("sip_parse", "serialise", best_micros(message.serialise), "us", count)
    both = best_micros(lambda: parse_message(INVITE).serialise())
    emit("sip_parse", "parse_and_serialise", both, "us", count)
    emit("sip_parse", "frame", best_micros(frame, 500) / 20, "us", _REPEATS * 500 * 20)
    emit("sip_parse", "hostile_64k", best_micros(survive, 5), "us", _REPEATS * 5)


if __name__ == "__main__":
    main()
