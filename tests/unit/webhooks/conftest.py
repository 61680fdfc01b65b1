"""A tenant, receivers that behave in every way, and the product's own delivery loop."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import pytest
from aiohttp import web
from django.conf import settings
from django.db import connections
from tests.egress_fixture import conninfo, serving_egress
from tests.keys_fixture import Keys, ShiftedClock
from tests.population import record_call

from ringfence.domains.accounts import api as accounts
from ringfence.domains.webhooks import delivery
from ringfence.domains.webhooks.delivery import Deliveries
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.gate.client import EgressClient
from ringfence.platform.processor_settings import EgressSettings
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.platform_django.keys import use_keys

LOOPBACK = EgressSettings(allow_networks=("127.0.0.0/8",))
CALLER = "+14155550123"


def verify(secret: str, headers: Any, body: bytes) -> bool:
    """Written from the text of Standard Webhooks, sharing nothing with the product."""
    key = base64.b64decode(secret.split("_", 1)[1])
    content = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode()
    expected = hmac.new(key, content + b"." + body, hashlib.sha256).digest()
    for versioned in headers["webhook-signature"].split(" "):
        version, _, text = versioned.partition(",")
        if version == "v1" and hmac.compare_digest(base64.b64decode(text), expected):
            return True
    return False


@dataclass
class Got:
    """One request."""

    id: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def accept(request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


@dataclass
class Receiver:
    """A server of the tenant. ``answer`` may be replaced at any time."""

    answer: Answer = accept
    got: list[Got] = field(default_factory=list)
    port: int = 0
    under_way: int = 0
    most_under_way: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.got]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(headers["webhook-id"], headers, body))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self.answer(request)
        finally:
            self.under_way -= 1


def status(code: int, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers, text="no number, but a text")

    return answer


LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, name="receivers", daemon=True).start()
T = TypeVar("T")


@contextmanager
def in_background(entered: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter it in a loop of its own: tests use Django, which runs in no loop's thread."""
    found = asyncio.run_coroutine_threadsafe(entered.__aenter__(), LOOP).result(20)  # type: ignore[arg-type]
    try:
        yield found
    finally:
        leaving = entered.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(leaving, LOOP).result(40)  # type: ignore[arg-type]


def receiving(answer: Answer = accept) -> AbstractContextManager[Receiver]:
    return in_background(_receiving(answer))


@asynccontextmanager
async def _receiving(answer: Answer) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    receiver.port = site._server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


def until(condition: Callable[[], Any], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@contextmanager
def delivering(reach: EgressSettings = LOOPBACK) -> Iterator[None]:
    """A worker's loop runs, and the egress process's service."""
    installed = settings.RINGFENCE.model_copy(update={"egress": reach})
    callplane = connections["callplane"].settings_dict
    with (
        serving_egress(installed, conninfo(callplane)),
        in_background(_delivering(reach)),
    ):
        yield


@asynccontextmanager
async def _delivering(reach: EgressSettings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    changed = settings.RINGFENCE.model_copy(update={"egress": reach})
    async with EgressClient(changed) as egress:
        running = asyncio.create_task(Deliveries(egress).run(stop))
        try:
            yield
            assert not running.done(), running
        finally:
            stop.set()
            await running


@pytest.fixture
def tenant(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants may name loopback addresses."""
    changed = settings.RINGFENCE.model_copy(update={"egress": LOOPBACK})
    monkeypatch.setattr(settings, "RINGFENCE", changed)


@pytest.fixture
def worker(db: DatabaseUrls, keys: Keys, reach: None) -> Iterator[None]:
    """This process is a worker towards ``keys``."""
    with use_keys(keys.blocking("worker")):
        yield


@pytest.fixture
def moving(keys: Keys) -> Iterator[ShiftedClock]:
    """The product's clock, to be moved."""
    with use_clock(keys.clock):
        yield keys.clock


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for long."""
    monkeypatch.setattr(delivery, "_POLL_SECONDS", 0.03)


def one_call(tenant: UUID, caller: str = CALLER) -> UUID:
    call = new_id()
    record_call(call, new_id(), tenant, from_number=caller, to_number="+12025550188")
    return call
