"""``ringfence serve``: the whole installation on one machine, in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Iterator

from ringfence.entry.demo.offer import DemoOffer
from ringfence.entry.supervisor.messages import RestartRequest, supervisor_socket
from ringfence.entry.supervisor.plan import build_plan
from ringfence.entry.supervisor.tree import Tree
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import process
from ringfence.platform.closed import refuse_closed
from ringfence.platform.database import is_embedded
from ringfence.platform.rpc import RpcServer
from ringfence.platform.settings import Settings, config_path

_log = logging.getLogger("ringfence.supervisor")


class AlreadyRunning(RingfenceError):
    """Another supervisor owns this data directory."""

    code = "already_running"


def serve(settings: Settings, *, offer_demo: bool = False) -> None:
    """Run until SIGTERM or SIGINT (calls are drained; a second signal cuts that short). With
    ``offer_demo`` and a terminal, Enter places the demo call.

    SIGHUP upgrades: see ``Tree.upgrade``. Raises AlreadyRunning, InstallationClosed, StartFailed.
    """
    with exclusive(settings):
        refuse_closed(settings)
        failure: list[RingfenceError] = []

        async def main(stop: asyncio.Event) -> None:
            try:
                await _serve(settings, stop, offer_demo)
            except RingfenceError as error:
                failure.append(error)

        process.run(main)
    if failure:
        raise failure[0]


async def _serve(settings: Settings, stop: asyncio.Event, offer_demo: bool) -> None:
    clock = SystemClock()
    tree = Tree(build_plan(settings), clock)
    server = RpcServer(supervisor_socket(settings))
    server.register("status", None, lambda request, connection: tree.status())
    server.register("restart", RestartRequest, lambda request, connection: tree.restart(request))
    server.register("upgrade", None, lambda request, connection: tree.upgrade())
    await server.start()
    stopped = asyncio.ensure_future(stop.wait())
    upgrades: set[asyncio.Task[object]] = set()
    begun = clock.monotonic()
    starting = asyncio.ensure_future(tree.start())
    offer = DemoOffer(sys.stdin) if offer_demo else None
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _announce(settings, clock.monotonic() - begun)
            if offer is not None:
                offer.open()
            process.notify_ready()
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGHUP, lambda: upgrades.add(asyncio.ensure_future(_upgrade(tree)))
            )
            await stopped
    finally:
        starting.cancel()
        stopped.cancel()
        if offer is not None:
            offer.close()
        await _stop(tree)
        await server.stop()


async def _upgrade(tree: Tree) -> None:
    try:
        await tree.upgrade()
    except RingfenceError as error:
        _log.error("upgrade failed", extra={"kv": {"code": error.code}})


async def _stop(tree: Tree) -> None:
    """Stop in order; a further signal cancels the wait and makes it urgent."""
    stopping = asyncio.ensure_future(tree.stop())
    try:
        await asyncio.shield(stopping)
    except asyncio.CancelledError:
        tree.hurry()
        await stopping


def _announce(settings: Settings, seconds: float) -> None:
    web = f"http://{settings.web.host}:{settings.web.port}"
    database = "embedded, in the data directory" if is_embedded(settings) else "by URL"
    lines = [
        "",
        f"Ringfence serves. Started in {seconds:.1f} s; Ctrl-C stops it.",
        "",
        *(f"  SIP       {item}" for item in settings.sip.listen),
        f"  RTP       {settings.media.bind_address}, UDP ports "
        f"{settings.media.rtp_port_min}-{settings.media.rtp_port_max}, "
        f"{settings.media_workers} media processes",
        f"  API       {web}/api/v1/",
        f"  events    http://{settings.live.host}:{settings.live.port}",
        f"  database  PostgreSQL, {database}",
        f"  data      {settings.data_dir}",
        f"  settings  {config_path() or 'defaults and environment (no ringfence.toml)'}",
        "",
        "Next, in another terminal:",
        "  ringfence demo      place a call through it and look at its record",
        "  ringfence watch     see calls as they happen",
        "  ringfence status    what runs",
        "  ringfence doctor    what is wrong, if anything",
        "  ringfence --help    create a tenant, a trunk, a number; restart, upgrade",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """No other supervisor and no restore meanwhile. Raises AlreadyRunning."""
    passable = 0o711 if os.geteuid() == 0 else 0o700  # see platform.postgres
    for directory in (settings.data_dir, settings.run_dir):
        directory.mkdir(parents=True, exist_ok=True, mode=passable)
    path = settings.run_dir / "supervisor.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip()
            raise AlreadyRunning(
                f"another `ringfence serve` or `restore` (process {owner}) uses {settings.data_dir}"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
