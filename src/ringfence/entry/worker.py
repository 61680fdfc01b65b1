"""Background jobs, by procrastinate, in PostgreSQL; and the messages that leave for webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from functools import partial
from typing import Any

from procrastinate.exceptions import ConnectorException

from ringfence.entry.database import setup_django
from ringfence.platform import process
from ringfence.platform.gate.client import EgressClient
from ringfence.platform.settings import Settings

_RETRY_SECONDS = 1.0
_STOP_SECONDS = 20.0
_log = logging.getLogger("ringfence.worker")


def worker_app() -> Any:
    """The jobs with a connection of the worker's own.

    The tasks stay bound to Django's connection: what a task enqueues is part of its transaction.
    """
    setup_django("worker")
    from procrastinate.contrib.django import app

    importlib.import_module("ringfence.entry.promises.tasks")  # jobs that no domain has

    return app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]


def main(settings: Settings) -> None:
    """Work until stopped; a stop waits up to 20 s for running jobs."""
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it tells of each try to connect
    setup_django("worker")
    process.run(partial(_work, settings))


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:  # an error in one ends this process
        group.create_task(_run_jobs(stop))
        group.create_task(_deliver(settings, stop))


async def _deliver(settings: Settings, stop: asyncio.Event) -> None:
    from ringfence.domains.webhooks.delivery import Deliveries  # needs Django's registry

    async with EgressClient(settings) as egress:
        await Deliveries(egress).run(stop)


async def _run_jobs(stop: asyncio.Event) -> None:
    """The worker gives up when it loses the database; start it again until it is there."""
    while not stop.is_set():
        try:
            await _work_connected(stop)
        except ConnectorException as error:
            _log.warning("database not reachable", exc_info=error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _RETRY_SECONDS)


async def _work_connected(stop: asyncio.Event) -> None:
    app = worker_app()
    async with app.open_async():
        process.notify_ready()
        work = asyncio.ensure_future(
            app.run_worker_async(
                concurrency=2,
                name="worker",
                shutdown_graceful_timeout=_STOP_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=False,
            )
        )
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            work.cancel()  # does nothing to one that ended; else it finishes its jobs
            with contextlib.suppress(asyncio.CancelledError):
                await work
