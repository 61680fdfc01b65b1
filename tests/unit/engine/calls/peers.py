"""Raw SIP peers: strings and sockets, nothing of the engine."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 5.0
_serial = itertools.count(1)


def serial() -> int:
    """A number never used before."""
    return next(_serial)


# --- messages as text ---------------------------------------------------------------------------


class Sip:
    """A received message, read with nothing but string functions."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8", "surrogateescape")
        head, _, self.body = self.text.partition("\r\n\r\n")
        self.start, *self.lines = head.split("\r\n")
        self.at = time.monotonic()

    def all(self, name: str) -> list[str]:
        prefix = name.lower() + ":"
        return [ln[len(prefix) :].strip() for ln in self.lines if ln.lower().startswith(prefix)]

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    @property
    def kind(self) -> str:
        """``INVITE`` or ``200 INVITE``."""
        if self.start.startswith("SIP/2.0"):
            return f"{self.start.split()[1]} {self['CSeq'].split()[1]}"
        return self.start.split()[0]

    @property
    def branch(self) -> str:
        match = re.search(r"branch=([^;\s]+)", self["Via"])
        assert match
        return match[1]

    @property
    def cseq(self) -> int:
        return int(self["CSeq"].split()[0])

    @property
    def to_tag(self) -> str | None:
        match = re.search(r">;tag=([^;\s]+)", self["To"])
        return match[1] if match else None

    @property
    def contact(self) -> str:
        match = re.search(r"<([^>]+)>", self["Contact"])
        assert match
        return match[1]

    def __repr__(self) -> str:
        return self.start


class Peer:
    """A raw SIP peer. ``expect`` drops what it was not asked for; ``seen`` keeps everything."""

    transport = "UDP"

    def __init__(self) -> None:
        self.seen: list[Sip] = []
        self.react: Callable[[Sip], None] | None = None
        """Called with each message as it arrives."""
        self._fresh: asyncio.Queue[Sip] = asyncio.Queue()
        self.host, self.port = "", 0

    def took(self, data: bytes) -> None:
        message = Sip(data)
        self.seen.append(message)
        if self.react is not None:
            self.react(message)
        self._fresh.put_nowait(message)

    async def expect(self, kind: str, seconds: float = PATIENCE) -> Sip:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await self._fresh.get()
                    if message.kind == kind:
                        return message
        except TimeoutError:
            raise AssertionError(f"no {kind}; seen: {self.kinds}") from None

    @property
    def kinds(self) -> list[str]:
        return [message.kind for message in self.seen]

    def count(self, kind: str) -> int:
        return self.kinds.count(kind)

    def send(self, text: str | bytes) -> None:
        raise NotImplementedError

    def via(self, branch: str | None = None) -> str:
        branch = branch or f"z9hG4bKp{serial()}"
        return f"Via: SIP/2.0/{self.transport} {self.host}:{self.port};branch={branch};rport\r\n"

    def respond(
        self,
        request: Sip,
        status: int,
        *,
        tag: str | None = "callee",
        sdp: str = "",
        extra: str = "",
        contact: str | None = None,
    ) -> None:
        """Answer a request as a UAS would."""
        copied = "".join(f"Via: {value}\r\n" for value in request.all("Via"))
        to = request["To"]
        if tag and ";tag=" not in to and status > 100:
            to += f";tag={tag}"
        contact = contact or f"<sip:uas@{self.host}:{self.port}{self.suffix}>"
        content = "Content-Type: application/sdp\r\n" if sdp else ""
        self.send(
            f"SIP/2.0 {status} Whatever\r\n{copied}From: {request['From']}\r\nTo: {to}\r\n"
            f"Call-ID: {request['Call-ID']}\r\nCSeq: {request['CSeq']}\r\nContact: {contact}\r\n"
            f"{extra}{content}Content-Length: {len(sdp)}\r\n\r\n{sdp}"
        )

    @property
    def suffix(self) -> str:
        return "" if self.transport == "UDP" else ";transport=tcp"

    def dialog(self, invite: Sip, *, tag: str = "callee") -> Dialogue:
        """The UAS side of a dialog that this peer's answer to ``invite`` made."""
        return Dialogue(
            self,
            call_id=invite["Call-ID"],
            local=f"{invite['To']};tag={tag}",
            remote=invite["From"],
            target=invite.contact,
            cseq=100,
        )


class UdpPeer(Peer, asyncio.DatagramProtocol):
    def __init__(self, engine: tuple[str, int]) -> None:
        super().__init__()
        self.engine = engine
        self.endpoint: Any = None

    async def open(self, host: str, port: int = 0) -> UdpPeer:
        loop = asyncio.get_running_loop()
        self.endpoint, _ = await loop.create_datagram_endpoint(lambda: self, (host, port))
        self.host, self.port = self.endpoint.get_extra_info("sockname")
        return self

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.took(data)

    def send(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode()
        self.endpoint.sendto(data, self.engine)

    def close(self) -> None:
        self.endpoint.close()


class TcpPeer(Peer):
    """Listens for the engine's connections and makes one of its own."""

    transport = "TCP"

    def __init__(self, engine: tuple[str, int]) -> None:
        super().__init__()
        self.engine = engine
        self.writer: asyncio.StreamWriter | None = None
        self.server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, host: str) -> TcpPeer:
        self.server = await asyncio.start_server(self._read, host, 0)
        self.host, self.port = self.server.sockets[0].getsockname()
        return self

    async def connect(self) -> None:
        reader, writer = await asyncio.open_connection(*self.engine, local_addr=(self.host, 0))
        self._tasks.append(asyncio.ensure_future(self._read(reader, writer)))
        self.writer = writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"Content-Length: (\d+)", head)
                assert length
                self.took(head + await reader.readexactly(int(length[1])))

    def send(self, text: str | bytes) -> None:
        assert self.writer is not None
        self.writer.write(text if isinstance(text, bytes) else text.encode())

    def hang(self) -> None:
        """Close the connection, keep listening."""
        assert self.writer is not None
        self.writer.close()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self.writer is not None:
            self.writer.close()
        if self.server is not None:
            self.server.close()


class Dialogue:
    """One side of a dialog, or of the INVITE that begins it."""

    def __init__(
        self, peer: Peer, *, call_id: str, local: str, remote: str, target: str, cseq: int
    ) -> None:
        self.peer, self.call_id, self.local, self.remote = peer, call_id, local, remote
        self.target, self.cseq = target, cseq
        self.branch = ""
        self.contact = f"<sip:x@{peer.host}:{peer.port}{peer.suffix}>"

    def request(
        self,
        method: str,
        *,
        sdp: str = "",
        extra: str = "",
        cseq: int | None = None,
        branch: str | None = None,
        contact: str | None = None,
        hops: int = 70,
        kind: str = "application/sdp",
    ) -> None:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.branch = branch or f"z9hG4bKd{serial()}"
        content = f"Content-Type: {kind}\r\n" if sdp else ""
        self.peer.send(
            (
                f"{method} {self.target} SIP/2.0\r\n{self.peer.via(self.branch)}"
                f"Max-Forwards: {hops}\r\nFrom: {self.local}\r\nTo: {self.remote}\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\n"
                f"Contact: {contact or self.contact}\r\n{extra}{content}"
                f"Content-Length: {len(sdp)}\r\n\r\n{sdp}"
            ).encode("utf-8", "surrogateescape")
        )

    def answered(self, response: Sip) -> None:
        """Take the dialog from a response to our INVITE."""
        self.remote = response["To"]
        with contextlib.suppress(IndexError):
            self.target = response.contact

    def ack(self, response: Sip, *, sdp: str = "") -> None:
        """Acknowledge a 2xx."""
        self.answered(response)
        self.request("ACK", cseq=response.cseq, sdp=sdp)

    def ack_failure(self, response: Sip) -> None:
        """Acknowledge a 3xx-6xx, in the INVITE's transaction."""
        self.remote = response["To"]
        self.request("ACK", cseq=response.cseq, branch=response.branch)

    def cancel(self) -> None:
        self.request("CANCEL", cseq=self.cseq, branch=self.branch)
