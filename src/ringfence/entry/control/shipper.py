"""The node's spool becomes journal rows, call records and webhooks. Blocking; runs in its own
thread."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from django.db import DataError, Error, IntegrityError, connections

from ringfence.domains.calls.api import project_calls, projected_position, store_events
from ringfence.domains.recordings.api import project_recordings
from ringfence.domains.webhooks.api import enqueue_events
from ringfence.engine.journal.records import EventRecord, decode
from ringfence.entry.control.translate import call_event
from ringfence.kernel.events import CallEvent
from ringfence.platform.spool import Position, SpoolCorrupt, SpoolReader
from ringfence.platform.spool.format import segment_numbers
from ringfence.platform_django.tenancy import across_tenants

_BATCH = 2000
_IDLE_SECONDS = 0.1
_MAX_BACK_OFF = 1.0
_UNACCEPTABLE = (DataError, IntegrityError, ValueError, OverflowError)
_log = logging.getLogger("ringfence.shipper")
T = TypeVar("T")


class Shipper:
    """Delivers one spool, from where the database says the last delivery ended.

    Each batch is inserted, then projected and told to webhooks; the transaction of these two also
    notes the position. Whatever a crash cuts off is repeated from that position, and every step may
    be repeated.
    Segments are deleted once they are wholly delivered.
    """

    def __init__(self, directory: Path, node: str) -> None:
        self._directory = directory
        self._node = node
        self._reader = SpoolReader(directory)
        self._position: Position | None = None
        self._unprojected: list[CallEvent] = []

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop, whatever happens to the database meanwhile."""
        lock = _only_one(self._directory, stop)
        back_off = _IDLE_SECONDS
        while not stop.is_set():
            try:
                full = self.deliver()
            except Error as error:
                if back_off == _IDLE_SECONDS:
                    _log.warning("journal delivery waits for the database", extra=_kv(error))
                connections.close_all()
                stop.wait(back_off)
                back_off = min(back_off * 2, _MAX_BACK_OFF)
                continue
            if back_off != _IDLE_SECONDS:
                _log.info("journal delivery goes on")
                back_off = _IDLE_SECONDS
            if not full:
                stop.wait(_IDLE_SECONDS)
        connections.close_all()
        self._reader.close()
        os.close(lock)

    def deliver(self) -> bool:
        """Deliver one batch; whether more is likely to wait. Raises django.db.Error."""
        if self._position is None:
            self._position = self._begin()
        if self._unprojected:  # it failed the last time
            self._project(self._position)
        try:
            batch = self._reader.read(self._position, _BATCH)
        except SpoolCorrupt as damage:
            _log.error("spool damaged", extra={"kv": damage.details})
            self._position = damage.resume
            return True
        events = list(_events(batch))
        if events:
            self._store(events)
            self._unprojected = events
        if batch:
            self._position = batch[-1][0]
        if self._unprojected:
            self._project(self._position)
        return len(batch) == _BATCH

    def _begin(self) -> Position:
        position = _unpack(projected_position(self._node))
        if position.segment > max(segment_numbers(self._directory), default=0):
            return Position(0, 0)  # another spool, numbered from 1 again
        return position

    def _store(self, events: list[CallEvent]) -> None:
        _piecewise(events, store_events, "journal event refused by the database")

    def _project(self, position: Position) -> None:
        events = self._unprojected
        calls = sorted({event.call for event in events})
        # before the position is noted: what a crash cuts off is repeated
        _piecewise(calls, project_recordings, "recording refused by the database")
        try:
            with across_tenants("delivery"):
                project_calls(calls, node=self._node, position=_pack(position))
                enqueue_events(events)
        except _UNACCEPTABLE:
            earlier = projected_position(self._node)
            _piecewise(
                calls,
                lambda part: project_calls(part, node=self._node, position=earlier),
                "call record refused by the database",
            )
            _piecewise(events, enqueue_events, "webhooks of an event refused by the database")
            project_calls((), node=self._node, position=_pack(position))
        self._unprojected = []
        self._reader.delete_before(position)


def _piecewise(items: list[T], action: Callable[[list[T]], None], complaint: str) -> None:
    """Do it for all at once; when an item is unacceptable, for all but the unacceptable ones."""
    try:
        action(items)
    except _UNACCEPTABLE as error:
        if len(items) == 1:
            _log.error(complaint, extra=_kv(error))
            return
        middle = len(items) // 2
        _piecewise(items[:middle], action, complaint)
        _piecewise(items[middle:], action, complaint)


def _events(batch: list[tuple[Position, bytes]]) -> Iterator[CallEvent]:
    for position, data in batch:
        try:
            record = decode(data)
        except msgspec.MsgspecError:
            _log.error("spool record not understood", extra={"kv": {"position": position}})
            continue
        if isinstance(record, EventRecord):
            yield call_event(record)


def _pack(position: Position) -> int:
    return position.segment << 32 | position.offset


def _unpack(packed: int) -> Position:
    return Position(packed >> 32, packed & 0xFFFF_FFFF)


def _kv(error: Exception) -> dict[str, dict[str, str | None]]:
    cause = error.__cause__
    return {"kv": {"error": type(error).__name__, "sqlstate": getattr(cause, "sqlstate", None)}}


def _only_one(directory: Path, stop: threading.Event) -> int:
    """The right to deliver this spool, for as long as the descriptor stays open."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(directory / "shipper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while not stop.is_set():
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            stop.wait(_MAX_BACK_OFF)
    return fd
