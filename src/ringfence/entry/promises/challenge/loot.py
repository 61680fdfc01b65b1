"""What the attacker holds: copies from before the erasure, and the keys as they are now."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from ringfence.entry.backup.objects import copy_files
from ringfence.entry.backup.take import copy_database
from ringfence.entry.keys import root_key
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.database import embedded_server, is_embedded, with_database
from ringfence.platform.keys.errors import StoreDamaged
from ringfence.platform.keys.roots import RootKeys
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.postgres import SUPERUSER, EmbeddedPostgres, binaries, server_environment
from ringfence.platform.settings import Settings
from ringfence.platform.unprivileged import chown_tree

ATTACKER = (
    "base backup from before the erasure and the write-ahead log since; every object of the"
    " auditor's tenant from then; the key store with its slot file and root key as they are after"
    " the erasure; every credential. Not the slot file of before: it is in no backup"
)
BASE, WAL, OBJECTS = "base", "wal", "objects"
_SECONDS = 60.0
_TRIES = 5


class NotEmbedded(RingfenceError):
    """The challenge takes the base backup itself, which it can of the embedded server alone."""

    code = "challenge_needs_embedded_database"
    http_status = 409


class FolderTaken(RingfenceError):
    """The folder for the auditor's copies has something in it."""

    code = "challenge_folder_taken"
    http_status = 409


class LogLost(Unavailable):
    """The write-ahead log could not be followed."""

    code = "challenge_log_lost"


class Loot:
    """The auditor's folder: ``base``, ``wal``, ``objects``; and the base backup come to life."""

    def __init__(self, settings: Settings, folder: Path, scratch: Path) -> None:
        """``scratch`` is for what nobody keeps. Raises NotEmbedded, FolderTaken."""
        if not is_embedded(settings):
            raise NotEmbedded(
                "this installation's database is not the embedded one: take its base backup by its"
                " own tools; the challenge cannot"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FolderTaken(f"{folder} is not empty")
        self.folder = folder
        self._settings = settings
        self._server = embedded_server(settings)
        self._copy = EmbeddedPostgres(scratch / "copy", scratch / "run", self._server.port)
        self._wal: subprocess.Popen[bytes] | None = None

    def take(self, objects: Path) -> None:
        """The base backup, the objects below one folder, and from now on the log. Raises
        BackupFailed, LogLost, OSError."""
        self._follow_log()
        copy_database(self._server, self.folder / BASE, "challenge")
        copy_files(objects, self.folder / OBJECTS, None)

    def restore(self) -> str:
        """Bring a copy of the base backup to life; where its superuser reaches it. Raises
        DatabaseStartError, OSError."""
        place = self._copy
        place.password_file.parent.mkdir(parents=True, mode=0o700)
        shutil.copy(self._server.password_file, place.password_file)
        shutil.copytree(self.folder / BASE, place.files)
        place.files.chmod(0o700)
        place.files.parent.chmod(0o711)
        chown_tree(place.files, place.identity())
        place.start()
        return with_database(place.superuser_url, "ringfence")

    def end_log(self) -> int:
        """Everything that was written until now is in ``wal``; its bytes. Raises LogLost."""
        with psycopg.connect(self._server.superuser_url, autocommit=True) as database:
            row = database.execute(
                "SELECT pg_walfile_name(lsn) FROM pg_switch_wal() AS lsn"
            ).fetchone()
        assert row is not None
        self._await(self.folder / WAL / row[0])
        self._stop_log()
        return sum(path.stat().st_size for path in (self.folder / WAL).iterdir())

    def close(self) -> None:
        """Stop what was started."""
        self._stop_log()
        self._copy.stop()

    def _follow_log(self) -> None:
        (self.folder / WAL).mkdir(mode=0o700)
        password = self._server.password_file.read_text().strip()
        self._wal = subprocess.Popen(  # noqa: S603 - our own program and arguments
            [
                str(binaries() / "pg_receivewal"), f"--directory={self.folder / WAL}", "--no-loop",
                f"--host={self._server.socket_dir}", f"--port={self._server.port}",
                f"--username={SUPERUSER}", "--no-password", "--status-interval=1",
            ],
            env=server_environment() | {"PGPASSWORD": password},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._await(self.folder / WAL)

    def _await(self, path: Path) -> None:
        """Until a file is there, or any in a folder."""
        deadline = time.monotonic() + _SECONDS
        while not (any(path.iterdir()) if path.is_dir() else path.exists()):
            if self._wal is None or self._wal.poll() is not None or time.monotonic() > deadline:
                raise LogLost("pg_receivewal does not get the write-ahead log")
            time.sleep(0.1)

    def _stop_log(self) -> None:
        if self._wal is not None:
            self._wal.send_signal(signal.SIGINT)
            self._wal.wait(_SECONDS)
            self._wal = None


@contextlib.contextmanager
def keys_of_now(settings: Settings) -> Iterator[KeyStore]:
    """The key store as it is at this moment, opened with the slot file and root key of this moment.

    The copies are in memory where the system has such a folder, and end with the block: a slot
    file that is kept keeps what is destroyed after. Raises StoreDamaged, OSError.
    """
    shared = Path("/dev/shm")  # noqa: S108 - in memory; the folder inside is closed to others
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        store = _open(settings, Path(name))
        try:
            yield store
        finally:
            store.close()


def _open(settings: Settings, folder: Path) -> KeyStore:
    roots = RootKeys(root_key(settings))
    for left in reversed(range(_TRIES)):
        store, slots = folder / f"{left}.sqlite", folder / f"{left}.slots"
        shutil.copyfile(settings.key_slots, slots)
        with (
            contextlib.closing(sqlite3.connect(settings.key_store)) as living,
            contextlib.closing(sqlite3.connect(store)) as copy,
        ):
            living.backup(copy)
        file = SlotFile(slots, roots)
        try:
            return KeyStore(store, file, roots, SystemClock())
        except StoreDamaged:  # a shard was rotated between the two copies
            file.close()
            if not left:
                raise
    raise AssertionError
