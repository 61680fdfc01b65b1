"""A tenant's flows, prompts and numbers over REST, and telephones that call them."""

from __future__ import annotations

import asyncio
import io
import json
import math
import struct
import time
import urllib.error
import urllib.request
import warnings
import wave
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
from tests.e2e.harness.documents import Documents
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World, check_journal

from ringfence.entry.phone import Call, Phone

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

Graph = dict[str, Any]


class Refused(Exception):
    """An answer of the API other than 2xx."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class Studio:
    """``async with Studio(world)``: all phones and servers of a test end with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.place = world.installation
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Studio:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    # --- REST -------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """An answer of the API; bytes where it is no JSON. Raises Refused."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.place.web_port}/api/v1{path}",
            method=method,
            data=data,
            headers={
                "Authorization": f"Bearer {self.world.tenant.secret}",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                said, kind = answer.read(), answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read() or b"null")) from None
        return json.loads(said) if kind == "application/json" else said

    async def rest(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The same beside the event loop."""
        return await asyncio.to_thread(self.ask, method, path, body, **headers)

    async def flow(self, graph: Graph, *, publish: bool = True) -> str:
        """A new flow; returns its id."""
        made = await self.rest("POST", "/flows", {"name": "Flow", "draft": graph})
        if publish:
            await self.rest("POST", f"/flows/{made['id']}/publish", {})
        return str(made["id"])

    async def publish(self, flow: str, graph: Graph) -> int:
        """A new version of a flow; returns its number."""
        await self.rest("PATCH", f"/flows/{flow}", {"draft": graph}, If_Match="*")
        done = await self.rest("POST", f"/flows/{flow}/publish", {})
        return int(done["version"])

    async def number(self, flow: str | Graph) -> str:
        """A new number that leads to a flow; returns it in E.164."""
        id_ = flow if isinstance(flow, str) else await self.flow(flow)
        e164 = self.place.telephone()
        await self.rest("POST", "/numbers", {"e164": e164, "flow": id_})
        return e164

    async def prompt(self, hertz: int, seconds: float) -> str:
        """A prompt that is a tone; returns its id."""
        edge = "ringfence-test-edge"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="name"\r\n\r\nTone {hertz}\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="t.wav"\r\n'
            "Content-Type: audio/wav\r\n\r\n"
        )
        body = head.encode() + tone_wav(hertz, seconds) + f"\r\n--{edge}--\r\n".encode()
        kind = f"multipart/form-data; boundary={edge}"
        made = await self.rest("POST", "/prompts", body, Content_Type=kind)
        return str(made["id"])

    async def documents(self) -> Documents:
        """A web server of the tenant's."""
        return await self._stack.enter_async_context(Documents(self.place.callee()))

    # --- telephones -------------------------------------------------------------------------------

    async def callee(self, **options: Any) -> Phone:
        """A phone that takes calls."""
        return await self._stack.enter_async_context(Phone(self.place.callee(), **options))

    async def caller(self, **options: Any) -> Phone:
        """A phone behind the carrier's trunk."""
        return await self._stack.enter_async_context(Phone(self.place.caller(), **options))

    async def dial(
        self, flow: str | Graph, *, caller: str | None = None, tone: int = 0, **options: Any
    ) -> Call:
        """A new phone calls a new number with this flow; ``tone`` 0: it says nothing."""
        return await self.dial_number(await self.number(flow), caller=caller, tone=tone, **options)

    async def dial_number(
        self, number: str, *, caller: str | None = None, tone: int = 0, **options: Any
    ) -> Call:
        phone = await self.caller(**options)
        caller = caller or self.place.telephone()
        return await phone.dial(self.place.uri(number), tone=tone, caller=caller)

    # --- records ----------------------------------------------------------------------------------

    async def record(self, call: Call, within: float = 15.0) -> dict[str, Any]:
        """The record of the one call of this phone's number, once it has ended."""
        return await self.world.record(call.peer_number, within)

    async def call_id(self, call: Call, within: float = 8.0) -> str:
        """The public id of a live call."""
        secret = self.world.tenant.secret
        deadline = time.monotonic() + within
        while not (
            found := await asyncio.to_thread(self.place.calls_from, call.peer_number, secret)
        ):
            assert time.monotonic() < deadline, "no record of the live call"
            await asyncio.sleep(0.05)
        return str(found[0]["id"])

    async def ended(self, call_id: str, within: float = 15.0) -> dict[str, Any]:
        """The record of a call once it has ended, by its id."""
        deadline = time.monotonic() + within
        while True:
            try:
                found = await self.rest("GET", f"/calls/{call_id}")
            except Refused as error:
                assert error.status == 404, error
                found = {"ended_at": None}
            if found["ended_at"]:
                break
            assert time.monotonic() < deadline, f"no finished call record in {within} s"
            await asyncio.sleep(0.1)
        found["events"] = (await self.rest("GET", f"/calls/{call_id}/events"))["events"]
        check_journal(found)
        return dict(found)

    async def all_over(self, within: float = 8.0) -> None:
        """Wait until no media port is open: nothing of any call is left."""
        await happens(lambda: not open_ports(self), within, what="the end of all media")


def open_ports(studio: Studio) -> list[int]:
    """UDP ports of the installation's RTP range that are bound."""
    place = studio.place
    low, high = place.rtp_ports
    packed = "".join(f"{int(part):02X}" for part in reversed(place.host.split(".")))
    found = []
    with Path("/proc/net/udp").open() as table:
        for line in list(table)[1:]:
            address, _, port = line.split()[1].partition(":")
            if address == packed and low <= int(port, 16) <= high:
                found.append(int(port, 16))
    return found


def way(record: dict[str, Any]) -> list[tuple[str, str]]:
    """(node, outcome) of every verb of a call's record, in order; outcome "" when it was cut."""
    found: list[tuple[str, str]] = []
    for event in record["events"]:
        if event["kind"] == "verb.started":
            found.append((event["data"]["node"], ""))
        elif event["kind"] == "verb.ended":
            assert found[-1][0] == event["data"]["node"]
            found[-1] = (found[-1][0], event["data"]["outcome"])
    return found


def tone_wav(hertz: int, seconds: float) -> bytes:
    """A WAV file of 8 kHz, mono, 16 bit."""
    count = round(8000 * seconds)
    wave_ = (round(8000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(count))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(struct.pack(f"<{count}h", *wave_))
    return file.getvalue()


def tones(wav: bytes) -> list[int]:
    """The tone (Hz) of each 100 ms of a mono WAV file (mu-law or 16 bit); 0 where it is silent."""
    form = int.from_bytes(wav[wav.index(b"fmt ") + 8 :][:2], "little")
    data = wav[wav.index(b"data") + 8 :]
    pcm = audioop.ulaw2lin(data, 2) if form == 7 else data[: len(data) // 2 * 2]
    audio = np.frombuffer(pcm, "<i2").astype(float)
    found = []
    for start in range(0, len(audio) - 799, 800):
        part = audio[start : start + 800]
        loud = np.sqrt(np.mean(part**2)) >= 60
        found.append(int(np.argmax(np.abs(np.fft.rfft(part)))) * 10 if loud else 0)
    return found
