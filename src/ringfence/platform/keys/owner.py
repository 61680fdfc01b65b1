"""The store in its own thread: requests that wait together share one transaction, one sync."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys import rotation
from ringfence.platform.keys.errors import StoreDamaged, Unreadable
from ringfence.platform.keys.store import KeyStore

_BATCH = 200
T = TypeVar("T")
Work = Callable[[KeyStore], Any]


class StoreOwner:
    """Runs work on the store. What ``run`` returned is durable.

    ``failed`` is set to the error after which the store must be opened anew: then only a restart
    helps, which also completes what was interrupted.
    """

    def __init__(self, store: KeyStore) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.path = store.path
        self._store = store
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._busy = False
        self._closed = False
        self._rotating = asyncio.Lock()
        self._rotations: set[asyncio.Task[None]] = set()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keys")

    async def run(self, work: Callable[[KeyStore], T]) -> T:
        """Result of ``work(store)``, all of it on disk. Raises what it raised, changing nothing."""
        if self._closed or self.failed.done():
            raise Unavailable("the key store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._start_batch()
        return await future

    async def rotate(self) -> None:
        """Return when everything condemned before this call is destroyed.

        Shard by shard: other work goes on in between.
        """
        task = asyncio.ensure_future(self._rotate())
        self._rotations.add(task)
        task.add_done_callback(self._rotations.discard)
        await asyncio.shield(task)  # who asked may go away: the keys die all the same

    async def _rotate(self) -> None:
        async with self._rotating:
            for shard in await self._in_thread(partial(rotation.stale_shards, self._store)):
                await self._in_thread(partial(rotation.finish, self._store, shard))

    async def alone(self, work: Callable[[KeyStore], T]) -> T:
        """Result of work that makes transactions of its own, between rotations."""
        if self._closed or self.failed.done():
            raise Unavailable("the key store is closed")
        async with self._rotating:
            return await self._in_thread(partial(work, self._store))

    async def close(self) -> None:
        """Finish what is under way and close the store."""
        self._closed = True
        async with self._rotating:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._store.close)
        self._executor.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except Exception as error:
            self._fail(error)
            raise Unavailable("the key store failed") from error

    def _start_batch(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        done = asyncio.get_running_loop().run_in_executor(
            self._executor, self._run_batch, [work for work, _ in batch]
        )
        done.add_done_callback(lambda done: self._batch_done(batch, done))

    def _run_batch(self, batch: list[Work]) -> list[Any]:
        outcomes: list[Any] = []
        with self._store.transaction():
            for work in batch:
                try:
                    with self._store.part():
                        outcomes.append(work(self._store))
                except (sqlite3.Error, OSError, StoreDamaged, Unreadable):
                    raise  # nothing that follows could be trusted
                except Exception as error:
                    outcomes.append(error)
        return outcomes

    def _batch_done(
        self, batch: list[tuple[Work, asyncio.Future[Any]]], done: asyncio.Future[list[Any]]
    ) -> None:
        self._busy = False
        error = done.exception()
        if error is not None:
            self._fail(error)
            outcomes: list[Any] = [Unavailable("the key store failed")] * len(batch)
        else:
            outcomes = done.result()
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue  # who asked has gone
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        self._start_batch()

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)
