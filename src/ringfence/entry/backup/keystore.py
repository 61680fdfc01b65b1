"""The key store in a restore: put back from a copy, and asked for its journal."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ringfence.entry.backup.state import Restore, RestoreFailed, put_aside
from ringfence.kernel.clock import Clock
from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.keys.erasure import JournalEntry
from ringfence.platform.keys.roots import sync_directory
from ringfence.platform.keys.slots import FILE_BYTES, SHARDS, SLOT_BYTES
from ringfence.platform.process import PARENT_PID, READY_FD
from ringfence.platform.settings import Settings

_START_SECONDS = 120
_STOP_SECONDS = 10
_PAGE = 1000


def put_back(settings: Settings, restore: Restore) -> None:
    """Put the copy that the restore names in place of the key store, which is put aside.

    A shard that was rotated since the copy was made has lost its key: that is how keys are
    destroyed. Its keys are dropped from the copy, the others open. Raises RestoreFailed.
    """
    assert restore.keys is not None
    folder = settings.key_store.parent
    draft = folder.with_name(f"{folder.name}.restoring")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    copy = draft / settings.key_store.name
    shutil.copyfile(restore.keys, copy)
    copy.chmod(0o600)
    restore.keys_lost = _fit(copy, settings.key_slots)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(draft)
    put_aside(folder, restore)
    draft.rename(folder)
    sync_directory(folder.parent)


def _fit(copy: Path, slots: Path) -> int:
    """Bring a copy of the store to the generations of the slot file; how many keys that loses."""
    try:
        raw = slots.read_bytes()
    except OSError as error:
        raise RestoreFailed(f"no slot file at {slots}: {error.strerror}") from None
    if len(raw) != FILE_BYTES:
        raise RestoreFailed(f"not a slot file: {slots}")
    lost = 0
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as store:
        try:
            found = dict(store.execute("SELECT shard, generation FROM shard").fetchall())
        except sqlite3.DatabaseError:
            raise RestoreFailed("the named file is no copy of a key store") from None
        store.execute("BEGIN")
        for shard in range(SHARDS):
            present = {_generation(raw, 2 * shard + slot) for slot in (0, 1)} - {0}
            if not present or found.get(shard) in present:
                continue
            lost += store.execute("DELETE FROM key WHERE shard = ?", (shard,)).rowcount
            store.execute(
                "UPDATE shard SET generation = ?, confirmed = ?, stale = 0 WHERE shard = ?",
                (max(present), max(present), shard),
            )
        store.execute("COMMIT")
    return lost


def _generation(raw: bytes, slot: int) -> int:
    return int.from_bytes(raw[slot * SLOT_BYTES : slot * SLOT_BYTES + 8], "big")


@contextlib.contextmanager
def running_keys() -> Iterator[None]:
    """The process ``keys`` while the block runs. Raises RestoreFailed when it does not start."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "keys"],
        env=os.environ | {READY_FD: str(writing), PARENT_PID: str(os.getpid())},
        pass_fds=(writing,),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], _START_SECONDS)
        if not ready or not os.read(reading, 64):
            raise RestoreFailed("the process keys does not start; its own message is above")
        yield
    finally:
        os.close(reading)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_journal(settings: Settings, clock: Clock) -> list[JournalEntry]:
    """Every destruction ever ordered, in order, from the running process ``keys``."""
    keys = BlockingKeys(settings, "cli", clock, lambda _: None)
    entries: list[JournalEntry] = []
    try:
        while page := keys.journal(entries[-1].seq if entries else 0, _PAGE):
            entries += page
    finally:
        keys.close()
    return entries
