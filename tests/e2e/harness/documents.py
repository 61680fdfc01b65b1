"""A web server of a tenant's, for documents: what it serves is said by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from tests.e2e.harness.wait import happens

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    params: Mapping[str, str]
    """Of the query and of the form."""


class Documents:
    """``async with Documents(host)``; paths that are not known are answered 404."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._pages: dict[str, Handler] = {}
        self.asked: list[Asked] = []
        self.url = ""

    async def __aenter__(self) -> Documents:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, 0)
        await site.start()
        (address,) = self._runner.addresses
        self.url = f"http://{self._host}:{address[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    def xml(self, path: str, inside: str) -> str:
        """Serve ``<Response>inside</Response>`` at a path; returns its URL."""
        return self.page(path, f"<Response>{inside}</Response>")

    def page(self, path: str, body: str | bytes, *, kind: str = "text/xml", **more: Any) -> str:
        """Serve anything at a path; returns its URL."""
        data = body.encode() if isinstance(body, str) else body

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=data, content_type=kind, **more)

        return self.handle(path, answer)

    def slow(self, path: str, seconds: float) -> str:
        """A path whose answer is that late."""

        async def answer(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(seconds)
            return web.Response(text="<Response/>", content_type="text/xml")

        return self.handle(path, answer)

    def redirect(self, path: str, to: str) -> str:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": to})

        return self.handle(path, answer)

    def handle(self, path: str, handler: Handler) -> str:
        self._pages[path] = handler
        return self.url + path

    def requests(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]

    async def was_asked(self, path: str, within: float = 8.0) -> Asked:
        """The first request for a path, once it has come."""
        await happens(lambda: bool(self.requests(path)), within, what=f"a request for {path}")
        return self.requests(path)[0]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        form = await request.post() if request.method == "POST" else {}
        params = {**request.query, **{name: str(value) for name, value in form.items()}}
        self.asked.append(Asked(request.method, request.path, params))
        handler = self._pages.get(request.path)
        return await handler(request) if handler else web.Response(status=404)
