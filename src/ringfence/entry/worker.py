"""Background jobs, by procrastinate, in PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

from ringfence.entry.database import setup_django
from ringfence.platform import process
from ringfence.platform.settings import Settings


def worker_app() -> Any:
    """The jobs with a connection of the worker's own.

    The tasks stay bound to Django's connection: what a task enqueues is part of its transaction.
    """
    setup_django()
    from procrastinate.contrib.django import app

    return app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]


def main(settings: Settings) -> None:
    """Work until stopped; a stop waits up to 20 s for running jobs."""
    asyncio.run(_work())


async def _work() -> None:
    app = worker_app()
    async with app.open_async():
        process.notify_ready()
        await app.run_worker_async(
            concurrency=2, name="worker", shutdown_graceful_timeout=20, delete_jobs="successful"
        )
