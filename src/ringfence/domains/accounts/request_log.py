"""The request log: kept in memory while a request is served, written in batches afterwards.

A log that stood in the request's transaction would vanish with the requests that fail, and cost
each of them a write. What stands in memory is lost with a process that is killed, at most a second
of it; what finds the buffer full because the database is away is counted and told.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections

from ringfence.kernel.ids import uuid7_millis
from ringfence.platform_django.tenancy import across_tenants

MOST = 20_000
"""Records in memory; those beyond are dropped."""
_EACH_SECONDS = 1.0
_COPY = """
    COPY accounts_request (id, tenant_id, credential_id, kind, at, method, route, objects_named,
        status, duration_ms, error_code, network) FROM STDIN
"""
_log = logging.getLogger("ringfence.requests")


class Record(NamedTuple):
    """One request; nothing of it was written by the client."""

    id: UUID
    """Names the request and holds its time."""
    tenant_id: UUID
    credential_id: UUID
    kind: str
    method: str
    route: str
    objects: list[str]
    status: int
    duration_ms: int
    error_code: str
    network: str


class RequestLog:
    """A bounded buffer, and its way into the database."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._records: deque[Record] = deque()
        self._dropped = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, record: Record) -> None:
        """Keep a record until the next batch is written. Never waits for the database."""
        with self._lock:
            if len(self._records) < self._most:
                self._records.append(record)
            else:
                self._dropped += 1

    def flush(self) -> int:
        """Write what there is; returns how much that was. What cannot be written because the
        database is away stays for the next time; any other error drops it."""
        with self._writing:
            with self._lock:
                batch = list(self._records)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                _log.warning("requests not logged", extra={"kv": {"count": dropped}})
            if not batch:
                return 0
            try:
                _write(batch)
            except (OperationalError, InterfaceError) as error:
                _log.warning("request log waits for the database", exc_info=error)
                return 0
            except Exception as error:
                kv = {"count": len(batch)}
                _log.error("requests not logged", exc_info=error, extra={"kv": kv})
            with self._lock:
                for _ in batch:
                    self._records.popleft()
            return len(batch)

    def start(self) -> None:
        """Write once a second in a thread of its own, and once more when the process ends."""
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()
        # atexit is not for the children of multiprocessing, and Granian serves in one.
        Finalize(None, self.stop, exitpriority=10)

    def stop(self) -> None:
        """Write what there is, and end the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopped.wait(_EACH_SECONDS):
            self.flush()
        self.flush()
        connections.close_all()  # this thread's


def _write(batch: list[Record]) -> None:
    with (
        across_tenants("request log") as db,
        connections[db].cursor() as cursor,
        cursor.cursor.copy(_COPY) as copy,
    ):
        for record in batch:
            at = datetime.fromtimestamp(uuid7_millis(record.id) / 1000, UTC)
            copy.write_row((*record[:4], at, *record[4:]))


_current: RequestLog | None = None


def request_log() -> RequestLog | None:
    """The log of this process; None: it keeps none."""
    return _current


def start_request_log() -> None:
    """Let this process keep the log. Once, in a process that serves the API."""
    global _current
    _current = RequestLog()
    _current.start()


@contextmanager
def use_request_log(log: RequestLog) -> Iterator[RequestLog]:
    """Put a log in force for the process, until the block ends; it is written by ``flush``."""
    global _current
    previous, _current = _current, log
    try:
        yield log
    finally:
        _current = previous
