"""``ringfence watch``: calls as they happen, in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from uuid import UUID

import click

from ringfence.entry.database import setup_django
from ringfence.entry.stream import Event, follow, told
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import InvalidInput, RingfenceError
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings, load_settings
from ringfence.platform.tickets import SECRET_NAME, sign_ticket

_LOOK_SECONDS = 2.0


@click.command("watch")
@click.option("--tenant", "tenants", multiple=True, help="AC…; repeatable. Default: every tenant.")
@click.option("--calls", type=click.IntRange(min=1), help="End after so many calls have ended.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one a line.")
def watch_command(tenants: tuple[str, ...], calls: int | None, as_json: bool) -> None:
    """Show calls as they happen, on this machine's installation; Ctrl-C ends it.

    Numbers are opened for the purpose `service`, which the audit trail shows.
    """
    try:
        chosen = [parse_public_id(Prefix.TENANT, text) for text in tenants]
    except InvalidInput as error:
        raise click.BadParameter(error.message, param_hint="--tenant") from None
    setup_django("cli")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Watch(load_settings(), calls, as_json).run(chosen))


class Watch:
    """One stream for each tenant; tenants that are made meanwhile are shown too."""

    def __init__(self, settings: Settings, calls: int | None, as_json: bool) -> None:
        self._settings = settings
        self._secret = installation_secret(settings.data_dir, SECRET_NAME)
        self._left = calls
        self._as_json = as_json
        self._over = asyncio.Event()
        self._streams: dict[UUID, asyncio.Task[None]] = {}

    async def run(self, tenants: list[UUID]) -> None:
        """Until as many calls as wanted have ended. Raises what a stream raises."""
        after = None
        try:
            while not self._over.is_set():
                for tenant in tenants or await asyncio.to_thread(_every_tenant):
                    if tenant not in self._streams:
                        stream = self._stream(tenant, after)
                        self._streams[tenant] = asyncio.create_task(stream)
                if after is None:
                    print("Watching calls; Ctrl-C ends this.", file=sys.stderr, flush=True)
                    after = 0  # who comes later is shown from the first event
                for task in self._streams.values():
                    if task.done():
                        task.result()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _LOOK_SECONDS)
        finally:
            for task in self._streams.values():
                task.cancel()

    async def _stream(self, tenant: UUID, after: int | None) -> None:
        async def ticket() -> str:
            return sign_ticket(self._secret, tenant, SystemClock(), None)[0]

        live = self._settings.live
        async for event in follow(f"http://{live.host}:{live.port}", ticket, after=after):
            self._show(event)

    def _show(self, event: Event) -> None:
        if self._over.is_set():
            return
        print(json.dumps(event) if self._as_json else self._line(event), flush=True)
        if event["kind"] == "call.ended" and self._left is not None:
            self._left -= 1
            if not self._left:
                self._over.set()

    def _line(self, event: Event) -> str:
        """Time of day, the end of the call's id, and what happened."""
        return f"{event['at'][11:23]}  {event['call'][-6:]}  {told(event['kind'], event['data'])}"


def _every_tenant() -> list[UUID]:
    """Nobody, while the database is away."""
    from django.db import Error

    from ringfence.domains.accounts import api

    try:
        return [tenant.id for tenant in api.list_tenants()]
    except (Error, RingfenceError):
        return []
