"""``ringfence restore``: close, put the database back, erase again what was erased, open."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ringfence.entry.backup import keystore, layout, recovery
from ringfence.entry.backup.layout import Backup
from ringfence.entry.backup.objects import local_objects, restore_files
from ringfence.entry.backup.state import (
    Restore,
    RestoreFailed,
    Step,
    find_restore,
    open_again,
    save,
)
from ringfence.entry.backup.take import EXTERNAL, Report
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.database import embedded_server, is_embedded
from ringfence.platform.keys.erasure import JournalEntry
from ringfence.platform.postgres import EmbeddedPostgres
from ringfence.platform.settings import Settings

Replay = Callable[[Sequence[JournalEntry]], None]
_ENDING_SECONDS = 30.0


class StillRunning(RingfenceError):
    """The installation is to be stopped first."""

    code = "installation_running"


class Restored(RingfenceError):
    """There is nothing to resume."""

    code = "no_restore"


def plan(
    source: Path, target: datetime | None, timeline: str, keys: Path | None, clock: Clock
) -> Restore:
    """A restore from the newest backup of ``source`` that is older than ``target``.

    Raises BackupNotFound, BackupDamaged.
    """
    found = layout.choose(source.resolve(), target)
    now = clock.now()
    return Restore(
        id=f"{now:%Y%m%dT%H%M%SZ}",
        begun_at=now,
        backup=str(found.path),
        target=target,
        timeline=timeline,
        keys=None if keys is None else str(keys.resolve()),
    )


def unfinished(settings: Settings) -> Restore:
    """The restore that was begun and not finished. Raises Restored when there is none."""
    found = find_restore(settings)
    if found is None:
        raise Restored("no restore is unfinished")
    return found


def run(
    settings: Settings,
    asked: Restore,
    clock: Clock,
    report: Report,
    *,
    prepare: Callable[[], None],
    replay: Replay,
) -> tuple[Restore, int]:
    """Carry a restore to its end; returns it, and how many journal entries were replayed.

    One that was begun with the same arguments is resumed; with other arguments everything is done
    anew. Until the end the installation stays closed. The caller holds the supervisor's lock.
    Raises StillRunning, RestoreFailed and what each step raises.
    """
    try:
        return _run(settings, asked, clock, report, prepare, replay)
    except OSError as error:
        raise RestoreFailed(str(error)) from None


def _run(
    settings: Settings,
    asked: Restore,
    clock: Clock,
    report: Report,
    prepare: Callable[[], None],
    replay: Replay,
) -> tuple[Restore, int]:
    server = embedded_server(settings)
    begun = find_restore(settings)
    _await_end(settings, server, _ENDING_SECONDS if begun is not None else 0.0)
    restore = begun if begun is not None and begun.asks_the_same(asked) else asked
    backup = layout.read_backup(Path(restore.backup))
    if restore is not begun:
        report(f"checking the backup {backup.manifest.id}")
        _check(settings, server, backup, restore)
    elif begun.step is not Step.KEYS:
        report(f"going on with the restore {begun.id} at the step {begun.step}")
    save(settings, restore)

    def after(step: Step, what: str) -> bool:
        """Whether a step is still to be done."""
        order = list(Step)
        if order.index(restore.step) > order.index(step):
            return False
        restore.step = step
        save(settings, restore)
        report(what)
        return True

    if restore.keys is not None and after(Step.KEYS, "putting the key store back"):
        keystore.put_back(settings, restore)
        report(f"{restore.keys_lost} keys of it cannot be opened: destroyed since, or beside those")
    has_database = backup.manifest.database != EXTERNAL
    if has_database and after(Step.DATABASE, "laying the base backup down"):
        recovery.lay_down(server, backup, restore)
    try:
        if has_database:
            after(Step.RECOVER, "replaying the write-ahead log")
            reached = recovery.recover(settings, server, backup, restore)
            restore.reached = reached or restore.reached
        if after(Step.OBJECTS, "copying missing objects and prompts"):
            _restore_files(settings, backup, report)
        after(Step.ERASE, "erasing again what was erased since")
        prepare()
        with keystore.running_keys():
            entries = keystore.read_journal(settings, clock)
            replay(entries)
        report(f"{len(entries)} entries of the erasure journal replayed")
    finally:
        server.stop()
    open_again(settings)
    return restore, len(entries)


def prepare_by_command() -> None:
    """Bring roles and schema to this version. Raises RestoreFailed."""
    command = [sys.executable, "-m", "ringfence.entry.cli", "prepare"]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603
        raise RestoreFailed("the database could not be prepared; the reason is above")


def _check(settings: Settings, server: EmbeddedPostgres, backup: Backup, restore: Restore) -> None:
    """Everything that can be known before anything is touched."""
    layout.check(backup)
    external = backup.manifest.database == EXTERNAL
    if external is is_embedded(settings):
        kind = "holds no database" if external else "is of an embedded database"
        raise RestoreFailed(f"the backup {kind}: [database] of the settings says otherwise")
    if not external:
        recovery.verify(settings, backup)
        if restore.target is None:
            recovery.check_log(settings, server, backup)
    if restore.keys is None and not settings.key_store.exists():
        raise RestoreFailed(
            f"the key store {settings.key_store} is missing: name a copy of it, such as "
            f"--keys {backup.path / layout.KEY_STORE}"
        )
    if restore.keys is not None and not Path(restore.keys).is_file():
        raise RestoreFailed(f"no file {restore.keys}")


def _restore_files(settings: Settings, backup: Backup, report: Report) -> None:
    folder = local_objects(settings)
    if folder is not None:
        report(f"{restore_files(backup.path / layout.OBJECTS, folder)} objects were missing")
    missing = restore_files(backup.path / layout.PROMPTS, settings.prompt_dir)
    report(f"{missing} prompts were missing")


def _await_end(settings: Settings, server: EmbeddedPostgres, patience: float) -> None:
    """Raises StillRunning when database or keys run; those of a killed restore are ending."""
    deadline = time.monotonic() + patience
    for path in (server.socket_path, settings.key_socket):
        while _answers(path):
            if time.monotonic() >= deadline:
                raise StillRunning(f"something serves at {path}: stop the installation first")
            time.sleep(0.1)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
