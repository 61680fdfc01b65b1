"""Where a process leaves its records of uses of personal values until they are chained.

Each process instance appends to a spool of its own below ``audit_directory``, so that nobody waits
for anybody. Its writer holds a lock for as long as it lives; ``claim`` gets it when the writer is
dead, and with it the right to remove what was left over.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import Settings
from ringfence.platform.spool.format import (
    SpoolError,
    encode_frame,
    encode_header,
)
from ringfence.platform.spool.segment import Segment

MAX_OBJECTS = 1000
"""Objects in one record as stored; a use of more becomes several records."""
_DELAY_SECONDS = 0.02
_RETRY_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
_MAX_BUFFERED = 64 << 20
_SEGMENT_BYTES = 4 << 20
_LOCK = "writer.lock"
_INSTANCE = re.compile(r"[a-z0-9-]+-[0-9a-f]{16}")
_log = logging.getLogger("ringfence.audit")
_encoder = msgspec.msgpack.Encoder()


def audit_directory(settings: Settings) -> Path:
    """Holds one spool directory per process instance."""
    return settings.data_dir / "spool" / "audit"


class AuditSpool:
    """Takes records of use, as the ``audit`` argument of key clients and of the key server.

    Thread-safe, never waits for the disk. A record is on disk about 20 ms and one sync after it was
    taken. Nothing is created before the first record; a forked child begins a spool of its own.
    """

    def __init__(self, settings: Settings, credential: str) -> None:
        self._root = audit_directory(settings)
        self._credential = credential
        self._lock = threading.Lock()
        self._writer: _Writer | None = None
        os.register_at_fork(after_in_child=self._forked)
        atexit.register(self.close)

    def __call__(self, record: UseRecord) -> None:
        """Take a record.

        Raises SpoolError when a failing disk has left more than 64 MiB unwritten: what cannot be
        recorded is not to be done.
        """
        if len(record.objects) > MAX_OBJECTS:
            for part in _parts(record):
                self(part)
            return
        data = _encoder.encode(record)
        with self._lock:
            writer = self._writer
            if writer is None:
                writer = self._writer = _Writer(self._root, self._credential)
                writer.start()
            writer.append(data)

    def flush(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Return when everything taken so far is on disk. Raises SpoolError when it is not yet."""
        with self._lock:
            writer = self._writer
        if writer is not None:
            writer.flush(seconds)

    def close(self) -> None:
        """Write what is left and end the spool; a later record begins another one."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.finish()

    def _forked(self) -> None:
        writer, self._writer = self._writer, None
        self._lock = threading.Lock()
        if writer is not None:
            writer.release()  # else the child would pass for its parent's living writer


class _Writer(threading.Thread):
    """One spool directory: what is taken within one delay is synced together."""

    def __init__(self, root: Path, credential: str) -> None:
        super().__init__(name="audit", daemon=True)
        self._root = root
        self._credential = credential
        self._salt = int.from_bytes(os.urandom(4), "big")
        self._condition = threading.Condition()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._buffer = bytearray()
        self._appended = self._durable = 0
        self._directory: Path | None = None
        self._lock: int | None = None
        self._segment: Segment | None = None
        self._number = 0

    def append(self, data: bytes) -> None:
        with self._condition:
            if len(self._buffer) > _MAX_BUFFERED:
                raise SpoolError("uses cannot be recorded: the disk refuses, the buffer is full")
            self._buffer += encode_frame(data, self._salt)
            self._appended += 1
            if not self._wake.is_set():
                self._wake.set()

    def flush(self, seconds: float) -> None:
        with self._condition:
            target = self._appended
            if not self._condition.wait_for(lambda: self._durable >= target, seconds):
                raise SpoolError("uses are recorded in memory only: the disk refuses")

    def finish(self) -> None:
        """Nothing is appended any more: write what is left, and let go of the directory."""
        try:
            self.flush(_CLOSE_SECONDS)
        except SpoolError as error:
            _log.error("records of use are lost", exc_info=error)
        self._closing.set()
        self._wake.set()
        self.join(_CLOSE_SECONDS)

    def run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_DELAY_SECONDS)
            with self._condition:
                self._wake.clear()
                content, taken = bytes(self._buffer), self._appended
                self._buffer.clear()
            if content and self._write_until_done(content):
                with self._condition:
                    self._durable = taken
                    self._condition.notify_all()
        self.release()

    def release(self) -> None:
        """Close the files: from now on the sealer may remove the directory."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write_until_done(self, content: bytes) -> bool:
        """Whether the disk accepted it, at last; False when the spool is closed before."""
        failed = False
        while True:
            try:
                self._write(content)
                return True
            except OSError as error:
                if not failed:
                    _log.error("records of use cannot be written", exc_info=error)
                failed = True
                if self._closing.wait(_RETRY_SECONDS):
                    return False

    def _write(self, content: bytes) -> None:
        """Append durably. After an OSError the same content is to be given again."""
        if self._directory is None:
            self._directory, self._lock = _new_instance(self._root, self._credential)
        segment, self._segment = self._segment, None
        if segment is not None and segment.size < _SEGMENT_BYTES:
            segment.append(content)
            self._segment = segment
            return
        if segment is not None:
            segment.close()
        header = encode_header(self._salt)
        self._segment = Segment.create(self._directory, self._number + 1, header + content)
        self._number += 1


def _parts(record: UseRecord) -> Iterator[UseRecord]:
    for start in range(0, len(record.objects), MAX_OBJECTS):
        objects = record.objects[start : start + MAX_OBJECTS]
        yield msgspec.structs.replace(record, objects=objects)


def _new_instance(root: Path, credential: str) -> tuple[Path, int]:
    """A fresh directory and the lock that says its writer lives."""
    while True:
        directory = root / f"{credential}-{secrets.token_hex(8)}"
        directory.mkdir(parents=True, mode=0o700)
        lock = claim(directory)
        if lock is not None:
            _sync(root)
            return directory, lock


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def instances(root: Path) -> list[Path]:
    """The spools of all process instances, dead and alive, in order of name."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _INSTANCE.fullmatch(path.name))


def claim(directory: Path) -> int | None:
    """The lock of a spool whose writer is dead, for as long as it stays open; None if it lives."""
    try:
        fd = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None  # removed meanwhile
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    if os.fstat(fd).st_nlink == 0:  # removed between opening and locking
        os.close(fd)
        return None
    return fd


def remove(directory: Path) -> None:
    """Remove a claimed spool and everything in it."""
    for path in directory.iterdir():
        if path.name != _LOCK:
            path.unlink()
    (directory / _LOCK).unlink()
    with contextlib.suppress(OSError):  # its writer had only just begun: it goes on there
        directory.rmdir()
