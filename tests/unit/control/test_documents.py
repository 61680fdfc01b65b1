"""Documents of web servers that are well, slow, broken, redirecting and huge."""

from __future__ import annotations

import asyncio
import gzip
import logging
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID

import numpy as np
import pytest
from aiohttp import web

from ringfence.domains.accounts import api as accounts
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import NewTrunk
from ringfence.engine.ports import ProgramRequest
from ringfence.engine.verbs import model
from ringfence.engine.verbs.model import Program
from ringfence.entry.control import documents as module
from ringfence.entry.control import remote_audio
from ringfence.entry.control.documents import (
    Asked,
    DocumentInvalid,
    DocumentRefused,
    Documents,
    DocumentTooLarge,
    DocumentUnreachable,
    Found,
    find,
)
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.egress import Egress
from ringfence.platform.processor_settings import EgressSettings
from ringfence.platform.settings import NodeSettings, Settings, SpeechSettings

TENANT, CALL, TRUNK, DEVICE = (UUID(int=n) for n in range(1, 5))
HELLO = b"<Response><Say>hello</Say></Response>"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A developer's web server on loopback; keeps what it was asked."""

    port: int = 0
    routes: dict[str, Handler] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def on(
        self,
        path: str,
        body: bytes | str,
        type_: str = "text/xml",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            data = body.encode() if isinstance(body, str) else body
            sent = {"Content-Type": type_, **(headers or {})}
            return web.Response(body=data, status=status, headers=sent)

        self.routes[path] = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        self.asked.append((request.method, request.path_qs, body))
        self.headers.append(dict(request.headers))
        return await self.routes[request.path](request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = int(runner.addresses[0][1])
    yield made
    await runner.cleanup()


@dataclass
class Place:
    """Where documents are fetched, with a database that knows one trunk, number and user."""

    documents: Documents
    folder: Path
    clock: ManualClock
    found: list[bool]

    async def fetch(self, url: str, **options: object) -> Program:
        request = ProgramRequest(TENANT, CALL, url=url, **options)  # type: ignore[arg-type]
        return await self.documents.fetch_document(request)

    async def refused(self, url: str, **options: object) -> RingfenceError:
        with pytest.raises(RingfenceError) as caught:
            await self.fetch(url, **options)
        return caught.value


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    settings = Settings(
        node=NodeSettings(data_dir=tmp_path),
        egress=EgressSettings(allow_networks=("127.0.0.1/32",)),
        speech=SpeechSettings(cache_bytes=100_000),
    )
    asked: list[bool] = []

    async def run(look: Callable[[], Found]) -> Found:
        asked.append(True)
        return Found(TRUNK, frozenset({"+12125550100"}), {"kate": DEVICE})

    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    made = Documents(
        settings, run, devices=lambda tenant, names: {}, egress=Egress(settings.egress), clock=clock
    )
    yield Place(made, settings.speech_dir / "remote", clock, asked)
    await made.close()


def verbs(program: Program) -> list[model.Verb]:
    return [node.verb for node in program.nodes.values()]


# --- asking -------------------------------------------------------------------------------------


async def test_post_is_a_form(server: Server, place: Place) -> None:
    server.on("/doc", HELLO)
    params = {"CallSid": "CA1", "From": "+12125550199", "Empty": "", "Odd": "a&b=ü +"}
    program = await place.fetch(server.url("/doc?own=1"), params=params)
    assert isinstance(program.nodes["0"].verb, model.Say)
    assert server.asked == [("POST", "/doc?own=1", params)]
    headers = server.headers[0]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["User-Agent"].startswith("Ringfence/")
    assert not place.found  # nothing to look up


@pytest.mark.parametrize("own", ["", "?own=1", "?"])
async def test_get_is_a_query(server: Server, place: Place, own: str) -> None:
    server.on("/doc", '<Response><Gather/><Redirect method="GET">?b=2</Redirect></Response>')
    params = {"CallSid": "CA1", "From": "+12125550199", "Odd": "a&b=ü +"}
    program = await place.fetch(server.url(f"/doc{own}"), method="GET", params=params)
    ((method, path, body),) = server.asked
    query = dict(parse_qsl(path.partition("?")[2]))
    assert (method, body) == ("GET", {})
    assert query == ({"own": "1"} if "own" in own else {}) | params
    # what the document was asked is no part of where it is
    assert program.nodes["0.action"].verb == model.Fetch(server.url(f"/doc{own}"), "POST")
    assert program.nodes["1"].verb == model.Fetch(server.url("/doc?b=2"), "GET")


async def test_urls_are_relative_to_where_the_document_came_from(
    server: Server, place: Place
) -> None:
    server.on("/old", b"", status=302, headers={"Location": "/new/place?a=1"})
    server.on("/new/place", "<Response><Gather/><Redirect>next</Redirect></Response>")
    program = await place.fetch(server.url("/old"), params={"a": "b"})
    assert server.asked[1] == ("GET", "/new/place?a=1", {})
    assert program.nodes["0.action"].verb == model.Fetch(server.url("/new/place?a=1"), "POST")
    assert program.nodes["1"].verb == model.Fetch(server.url("/new/next"), "POST")


async def test_redirect_with_the_form(server: Server, place: Place) -> None:
    server.on("/old", b"", status=307, headers={"Location": "/new"})
    server.on("/new", HELLO)
    await place.fetch(server.url("/old"), params={"a": "b"})
    assert server.asked[1] == ("POST", "/new", {"a": "b"})


@pytest.mark.parametrize(
    "type_", ["text/xml", "application/xml; charset=utf-8", "TEXT/HTML", "text/xml ;charset=UTF-8"]
)
async def test_types_of_documents(server: Server, place: Place, type_: str) -> None:
    server.on("/", HELLO, type_)
    assert isinstance((await place.fetch(server.url())).nodes["0"].verb, model.Say)


async def test_destinations_are_looked_up(server: Server, place: Place) -> None:
    server.on(
        "/",
        "<Response><Dial callerId='2125550100'><Number>2125550123</Number><Client>kate</Client>"
        "</Dial></Response>",
    )
    dial = (await place.fetch(server.url())).nodes["0"].verb
    assert isinstance(dial, model.Dial)
    assert dial.caller_id == "+12125550100"
    assert dial.targets == (
        model.TrunkTarget(TRUNK, "+12125550123"),
        model.DeviceTarget(DEVICE, "kate"),
    )
    assert place.found == [True]


async def test_emergency_services_are_known_as_such(server: Server, place: Place) -> None:
    for user, helps in (("911", True), ("%2B1911", True), ("sos", True), ("desk", False)):
        server.on("/", f"<Response><Dial><Sip>sip:{user}@psap.test</Sip></Dial></Response>")
        (node,) = (await place.fetch(server.url())).nodes.values()
        assert isinstance(node.verb, model.Dial)
        assert node.verb.emergency is helps, user


async def test_callers_own_number_may_be_presented(server: Server, place: Place) -> None:
    server.on("/", "<Response><Dial callerId='+12125550177'>2125550123</Dial></Response>")
    dial = (await place.fetch(server.url(), params={"From": "+12125550177"})).nodes["0"].verb
    assert isinstance(dial, model.Dial)
    assert dial.caller_id == "+12125550177"
    error = await place.refused(server.url(), params={"From": "+12125550178"})
    assert (error.code, error.details["reason"]) == ("document_invalid", "caller_id")


# --- servers that are not well ------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 404, 500, 503])
async def test_bad_status(server: Server, place: Place, status: int) -> None:
    server.on("/", HELLO, status=status)
    error = await place.refused(server.url())
    assert isinstance(error, DocumentUnreachable)
    assert error.details == {"reason": "status", "status": status}


async def test_drip(server: Server, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.4)
    gone = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/xml"})
        await answer.prepare(request)
        try:
            for octet in HELLO * 100:
                await answer.write(bytes([octet]))
                await asyncio.sleep(0.05)
        finally:
            gone.set()
        return answer

    server.routes["/"] = drip
    error = await place.refused(server.url())
    assert isinstance(error, DocumentUnreachable)
    assert error.details == {"reason": "timeout"}
    await asyncio.wait_for(gone.wait(), 5)  # the connection was given up


async def test_reset_in_the_middle(server: Server, place: Place) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/xml", "Content-Length": "999"})
        await answer.prepare(request)
        await answer.write(HELLO)
        assert request.transport is not None
        request.transport.abort()
        return answer

    server.routes["/"] = cut
    error = await place.refused(server.url())
    assert isinstance(error, DocumentUnreachable)
    assert error.details == {"reason": "protocol"}


async def test_nobody_there(server: Server, place: Place) -> None:
    listener = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    error = await place.refused(f"http://127.0.0.1:{port}/")
    assert (error.code, error.details["reason"]) == ("document_unreachable", "connect")
    error = await place.refused("https://nowhere.invalid/")
    assert (error.code, error.details["reason"]) == ("document_unreachable", "dns")


@pytest.mark.parametrize(
    ("body", "type_", "reason"),
    [
        (b"", "text/xml", "xml"),
        (b"Internal Server Error", "text/html", "xml"),
        (b"<Response><Say>\xe9</Say></Response>", "text/xml; charset=utf-8", "charset"),
        (HELLO, "text/xml; charset=klingon", "charset"),
        (b"<Response><Enqueue/></Response>", "text/xml", "unsupported"),
        (b"<!DOCTYPE a><Response/>", "text/xml", "forbidden"),
        (b"<Response><Dial><Client>joe</Client></Dial></Response>", "text/xml", "destination"),
        (b"<Response><Redirect>file:///etc</Redirect></Response>", "text/xml", "url"),
    ],
)
async def test_no_document(
    server: Server, place: Place, body: bytes, type_: str, reason: str
) -> None:
    server.on("/", body, type_)
    error = await place.refused(server.url())
    assert isinstance(error, DocumentInvalid)
    assert error.details == {"line": 1, "reason": reason}


@pytest.mark.parametrize("type_", ["application/json", "text/plain", "audio/x-wav", ""])
async def test_other_types(server: Server, place: Place, type_: str) -> None:
    server.on("/", HELLO, type_)
    assert isinstance(await place.refused(server.url()), DocumentInvalid)


async def test_huge(server: Server, place: Place) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/xml"})
        await answer.prepare(request)
        while True:
            await answer.write(b"<Response/>" * 1000)

    server.routes["/"] = endless
    error = await place.refused(server.url())
    assert isinstance(error, DocumentTooLarge)


async def test_gzip_bomb(server: Server, place: Place) -> None:
    bomb = gzip.compress(b"<Response><Say>" + b" " * 20_000_000)
    assert len(bomb) < 64 * 1024
    server.on("/", bomb, headers={"Content-Encoding": "gzip"})
    assert isinstance(await place.refused(server.url()), DocumentInvalid)
    assert server.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "location",
    ["/", "http://127.0.0.2/", "https://169.254.169.254/", "https://10.0.0.1/", "file:///etc"],
)
async def test_redirects_that_are_not_followed(server: Server, place: Place, location: str) -> None:
    server.on("/", b"", status=302, headers={"Location": location})
    error = await place.refused(server.url())
    assert isinstance(error, DocumentRefused)
    assert len(server.asked) == (6 if location == "/" else 1)


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "https://127.0.0.2/", "http://8.8.8.8/", "http://["]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_urls_that_are_not_fetched(place: Place, url: str, method: str) -> None:
    assert isinstance(await place.refused(url, method=method), DocumentRefused)


async def test_nothing_personal_is_logged(
    server: Server, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.on("/s3cret", '<Response>\n<Say s3cret="s3cret">s3cret</Say></Response>')
    await place.fetch(server.url("/s3cret"), params={"From": "s3cret"})
    server.on("/s3cret", "<s3cret/>", status=500)
    await place.refused(server.url("/s3cret"), params={"From": "s3cret"})
    ours = [record for record in caplog.records if record.name.startswith("ringfence")]
    (record,) = ours
    assert record.kv == {"call": CALL.hex, "lines": [2]}  # type: ignore[attr-defined]
    assert "s3cret" not in "".join(map(str, (each.__dict__ for each in ours)))


# --- audio --------------------------------------------------------------------------------------


def sound(rate: int = 8000, channels: int = 1, seconds: float = 0.5, hertz: float = 440) -> bytes:
    times = np.arange(int(rate * seconds)) / rate
    samples = (np.sin(2 * np.pi * hertz * times) * 8000).astype("<i2")
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.repeat(samples, channels).tobytes())
    return file.getvalue()


def played(program: Program, node: str = "0") -> Path:
    verb = program.nodes[node].verb
    assert isinstance(verb, model.Play)
    assert verb.source.startswith("file:")
    return Path(verb.source.removeprefix("file:"))


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2)])
async def test_audio_is_brought_in(server: Server, place: Place, rate: int, channels: int) -> None:
    server.on("/doc", "<Response><Play>a.wav</Play></Response>")
    server.on("/a.wav", sound(rate, channels), "audio/x-wav")
    path = played(await place.fetch(server.url("/doc")))
    assert path.parent == place.folder
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert abs(file.getnframes() - 4000) <= 2
        samples = np.frombuffer(file.readframes(4000), "<i2")
    spectrum = np.abs(np.fft.rfft(samples[:4000]))
    assert abs(int(np.argmax(spectrum)) * 2 - 440) <= 4


async def test_audio_is_asked_for_once_and_kept(server: Server, place: Place) -> None:
    count = 0

    async def audio(request: web.Request) -> web.StreamResponse:
        nonlocal count
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        count += 1
        return web.Response(body=sound(), headers={"ETag": '"1"', "Content-Type": "audio/wav"})

    server.routes["/a.wav"] = audio
    server.on("/doc", "<Response><Play>a.wav</Play><Play>a.wav</Play></Response>")
    program = await place.fetch(server.url("/doc"))
    assert played(program, "0") == played(program, "1")
    assert played(await place.fetch(server.url("/doc"))) == played(program)
    assert count == 1
    played(program).unlink()
    assert played(await place.fetch(server.url("/doc"))).is_file()
    assert count == 2


async def test_many_calls_at_once_fetch_the_same_audio(server: Server, place: Place) -> None:
    server.on("/doc", "<Response><Play>a.wav</Play><Play>a.wav?same</Play></Response>")
    server.on("/a.wav", sound())
    programs = await asyncio.gather(*(place.fetch(server.url("/doc")) for _ in range(10)))
    assert len({played(program) for program in programs}) == 1


async def test_audio_that_drips(
    server: Server, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOTAL_SECONDS", 0.5)

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(200):
            await answer.write(b"R")
            await asyncio.sleep(0.05)
        return answer

    many = "".join(f"<Play>/a?{n}</Play>" for n in range(9))
    server.on("/doc", f"<Response>{many}</Response>")
    server.routes["/a"] = drip
    began = asyncio.get_running_loop().time()
    error = await place.refused(server.url("/doc"))
    assert isinstance(error, DocumentUnreachable)
    assert error.details == {"reason": "timeout"}
    assert asyncio.get_running_loop().time() - began < 3


async def test_disk_that_refuses(server: Server, place: Place) -> None:
    server.on("/doc", "<Response><Play>a.wav</Play></Response>")
    server.on("/a.wav", sound())
    place.folder.parent.mkdir(parents=True)
    place.folder.write_text("in the way")
    error = await place.refused(server.url("/doc"))
    assert (error.code, error.details["reason"]) == ("document_unreachable", "disk")


async def test_audio_that_changed_is_new(server: Server, place: Place) -> None:
    server.on("/doc", "<Response><Play>a.wav</Play></Response>")
    server.on("/a.wav", sound(hertz=440), headers={"ETag": '"1"'})
    old = played(await place.fetch(server.url("/doc")))
    server.on("/a.wav", sound(hertz=880), headers={"ETag": '"2"'})
    assert played(await place.fetch(server.url("/doc"))) != old


async def test_what_is_kept_is_bounded(server: Server, place: Place) -> None:
    paths = []
    for index in range(4):  # 40 kB each; the limit is 100 kB
        server.on("/doc", f"<Response><Play>{index}.wav</Play></Response>")
        server.on(f"/{index}.wav", sound(seconds=2.5, hertz=300 + index))
        paths.append(played(await place.fetch(server.url("/doc"))))
        place.clock.advance(timedelta(minutes=1))
    assert [path.exists() for path in paths] == [False, False, True, True]
    place.clock.advance(timedelta(seconds=remote_audio.KEPT_SECONDS))
    server.on("/3.wav", sound(seconds=0.1))
    last = played(await place.fetch(server.url("/doc")))
    assert list(place.folder.iterdir()) == [last]


@pytest.mark.parametrize(
    ("body", "type_", "said"),
    [
        (b"ID3\x04" + bytes(500), "audio/mpeg", "MP3"),
        (b"\xff\xfb\x90\x00" + bytes(500), "application/octet-stream", "MP3"),
        (b"<html>", "audio/wav", "WAV"),
        (sound()[:40], "audio/wav", "audio"),
        (sound().replace(struct.pack("<I", 8000), struct.pack("<I", 7999)), "audio/wav", "Hz"),
    ],
)
async def test_audio_that_cannot_be_played(
    server: Server, place: Place, body: bytes, type_: str, said: str
) -> None:
    server.on("/doc", "<Response><Play>a</Play></Response>")
    server.on("/a", body, type_)
    error = await place.refused(server.url("/doc"))
    assert isinstance(error, DocumentInvalid)
    assert said in error.message


async def test_audio_that_does_not_come(
    server: Server, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("/doc", "<Response><Play>a</Play></Response>")
    server.on("/a", b"", status=404)
    error = await place.refused(server.url("/doc"))
    assert isinstance(error, DocumentUnreachable)
    assert error.details["status"] == 404
    server.on("/a", b"a" * (remote_audio.MAX_BYTES + 1))
    assert isinstance(await place.refused(server.url("/doc")), DocumentTooLarge)
    server.on("/doc", "<Response><Play>http://127.0.0.2/a</Play></Response>")
    assert isinstance(await place.refused(server.url("/doc")), DocumentRefused)
    many = "".join(f"<Play>{n}</Play>" for n in range(21))
    server.on("/doc", f"<Response>{many}</Response>")
    assert isinstance(await place.refused(server.url("/doc")), DocumentInvalid)


# --- the real look-up ---------------------------------------------------------------------------


def test_what_a_tenant_may_dial_and_present(db: DatabaseUrls) -> None:
    one, two = accounts.create_tenant("one").id, accounts.create_tenant("two").id
    for tenant, number in ((one, "+12125550100"), (two, "+12125550101")):
        dial = (SipDial("sip:a@192.0.2.1"),)
        numbers.create_number(NewNumber(tenant_id=tenant, e164=number, dial=dial))
    asked = Asked(
        frozenset({"+12125550123"}),
        frozenset({"+12125550100", "+12125550101", "+12125550102"}),
        frozenset({"kate"}),
    )
    look = partial(find, asked=asked, devices=lambda tenant, names: {"kate": tenant})
    assert look(one) == Found(None, frozenset({"+12125550100"}), {"kate": one})
    trunks.create_trunk(NewTrunk(name="in", tenant_id=one, sources=("192.0.2.9/32",)))
    foreign = trunks.create_trunk(NewTrunk(name="two", tenant_id=two, peer_host="192.0.2.2"))
    carrier = trunks.create_trunk(NewTrunk(name="carrier", peer_host="192.0.2.3"))
    assert look(one).trunk == carrier.id
    assert look(two).trunk == foreign.id
    own = trunks.create_trunk(NewTrunk(name="one", tenant_id=one, peer_host="192.0.2.4"))
    assert look(one).trunk == own.id
    assert find(one, Asked(frozenset(), frozenset(), frozenset()), lambda *_: {}) == Found()
