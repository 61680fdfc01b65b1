"""The loop that empties the outbox; one in each worker, any number beside each other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import Error, connections

from ringfence.domains.webhooks import outbox
from ringfence.domains.webhooks.messages import Message, messages
from ringfence.domains.webhooks.outbox import Attempt, Claim
from ringfence.domains.webhooks.rules.schedule import Outcome, outcome
from ringfence.platform.egress import EgressFailed, EgressRefused, Outbound, Sending
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

TIMEOUT_SECONDS = 15.0
MAX_ANSWER = 64 * 1024
PER_ENDPOINT = 20
PER_TENANT = 100
TOTAL = 400
_POLL_SECONDS = 0.25
_GATHER_SECONDS = 0.01
"""Outcomes of so long are recorded together."""
_CHUNK = 10
_THREADS = 3
_MAX_BACK_OFF = 5.0
TEMPLATE = "webhook"
_OURS = frozenset({"gate", "ledger"})
"""Of the egress process: the endpoint is not to blame, and it is tried again soon."""
_log = logging.getLogger("ringfence.webhooks")
T = TypeVar("T")


class Deliveries:
    """Claims, sends and records. ``run`` once."""

    def __init__(self, egress: Outbound) -> None:
        self._egress = egress
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhooks")
        self._busy: Counter[UUID] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: list[Attempt] = []
        self._wake = asyncio.Event()
        self._broken: BaseException | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; then what is under way is awaited and recorded."""
        stopping = asyncio.ensure_future(stop.wait())
        back_off = _POLL_SECONDS
        try:
            while not stop.is_set():
                try:
                    claimed = await self._round()
                except Error as error:
                    if back_off == _POLL_SECONDS:
                        state = getattr(error.__cause__, "sqlstate", None)
                        kv = {"error": type(error).__name__, "sqlstate": state}
                        _log.warning("webhooks wait for the database", extra={"kv": kv})
                    await asyncio.wait((stopping,), timeout=back_off)
                    back_off = min(back_off * 2, _MAX_BACK_OFF)
                    continue
                back_off = _POLL_SECONDS
                if not claimed:
                    await self._rest(stopping)
            await self._finish()
        finally:
            stopping.cancel()
            for task in self._tasks:
                task.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _round(self) -> int:
        """Record what is done, claim what is due; how much was. Raises django.db.Error."""
        if self._broken is not None:
            raise self._broken
        self._wake.clear()
        done, self._done = self._done, []
        room = TOTAL - self._busy.total()
        work = partial(_record_and_claim, done, clock().now(), room, dict(self._busy))
        try:
            claims = await self._in_thread(work)
        except Error:
            self._done = done + self._done
            raise
        for start in range(0, len(claims), _CHUNK):
            self._send(claims[start : start + _CHUNK])
        return len(claims)

    async def _rest(self, stopping: asyncio.Future[Any]) -> None:
        woken = asyncio.ensure_future(self._wake.wait())
        await asyncio.wait(
            (woken, stopping), timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        woken.cancel()
        if self._wake.is_set():
            await asyncio.sleep(_GATHER_SECONDS)

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TIMEOUT_SECONDS + 1)
        if self._done:
            with contextlib.suppress(Error):  # unrecorded: sent again
                await self._in_thread(partial(outbox.settle, self._done))

    def _send(self, claims: list[Claim]) -> None:
        self._busy.update(claim.endpoint_id for claim in claims)
        task = asyncio.ensure_future(self._send_all(claims))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
            self._wake.set()

    async def _send_all(self, claims: list[Claim]) -> None:
        try:
            made = await self._in_thread(partial(messages, claims))
        except Error:
            made = [Attempt(claim, clock().now(), code="database") for claim in claims]
        async with asyncio.TaskGroup() as group:
            for item in made:
                if isinstance(item, Message):
                    group.create_task(self._post(item))
                else:
                    self._note(item)

    async def _post(self, message: Message) -> None:
        self._note(await attempt(self._egress, message))

    def _note(self, attempt: Attempt) -> None:
        endpoint = attempt.claim.endpoint_id
        self._busy[endpoint] -= 1
        if not self._busy[endpoint]:
            del self._busy[endpoint]
        self._done.append(attempt)
        self._wake.set()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _fresh, function)


async def attempt(egress: Outbound, message: Message) -> Attempt:
    """Post a message once."""
    started = clock().monotonic()
    status: int | None = None
    code: str | None = None
    size = 0
    try:
        answer = await egress.fetch(
            "POST",
            message.url,
            sending=Sending(TEMPLATE, message.claim.tenant_id),
            headers=message.headers,
            body=message.body,
            timeout=TIMEOUT_SECONDS,
            max_bytes=MAX_ANSWER,
        )
        status, size = answer.status, len(answer.body)
    except EgressRefused as error:
        code = f"{error.details['reason']}_refused"
    except EgressFailed as error:
        code, status = error.details["reason"], error.details.get("status")
        if code in _OURS:
            return Attempt(message.claim, clock().now(), code=code)
    result = outcome(status)
    if result is Outcome.DELIVERED:
        code = None
    elif code is None:
        code = _code(status, result)
    return Attempt(
        message.claim,
        clock().now(),
        result,
        status,
        code,
        ms=round((clock().monotonic() - started) * 1000),
        bytes=size,
        chance=random.random(),  # noqa: S311 - spreads load
    )


def _code(status: int | None, result: Outcome) -> str:
    if result is Outcome.GONE:
        return "gone"
    return "redirect" if status is not None and 300 <= status < 400 else "http_error"


def _record_and_claim(
    done: list[Attempt], now: datetime, room: int, busy: Mapping[UUID, int]
) -> list[Claim]:
    with across_tenants("webhooks"):
        if done:
            outbox.settle(done)
        if room <= 0:
            return []
        return outbox.claim(now, room=room, each=PER_ENDPOINT, share=PER_TENANT, busy=busy)


def _fresh(function: Callable[[], T]) -> T:
    """Connections that failed are not used again."""
    try:
        return function()
    except Error:
        connections.close_all()
        raise
