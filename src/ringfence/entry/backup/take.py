"""``ringfence backup``: a base backup while everything goes on, and what belongs to it."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ringfence.entry.backup import layout
from ringfence.entry.backup.layout import Backup, Manifest
from ringfence.entry.backup.objects import copy_files, local_objects
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import wal
from ringfence.platform.closed import write_durably
from ringfence.platform.database import embedded_server, is_embedded
from ringfence.platform.keys.roots import sync_directory
from ringfence.platform.postgres import (
    SUPERUSER,
    EmbeddedPostgres,
    binaries,
    server_environment,
)
from ringfence.platform.process import set_parent_death_signal
from ringfence.platform.settings import Settings

Report = Callable[[str], None]
"""Is told what is being done, in words."""

EXTERNAL = "external"


class BackupFailed(RingfenceError):
    """No backup was made; earlier ones are as they were."""

    code = "backup_failed"


def backup(
    settings: Settings,
    directory: Path,
    clock: Clock,
    report: Report,
    *,
    keep: int | None = None,
    copy_keys: Callable[[Path], None],
) -> Backup:
    """Make a backup below ``directory``; then leave only the newest ``keep``.

    ``copy_keys`` writes a copy of the key store to a file. It, objects and prompts are copied after
    the rows: each key and each file that a row names is in the backup. Raises BackupFailed,
    OSError.
    """
    base = directory / "base"
    passable = 0o711 if os.geteuid() == 0 else 0o700  # the server reaches its archive through it
    directory.mkdir(mode=passable, parents=True, exist_ok=True)
    base.mkdir(mode=0o700, exist_ok=True)
    with _alone(base):
        earlier = layout.backups(directory)
        started = clock.now()
        name = f"{started:%Y%m%dT%H%M%S%fZ}"
        draft = base / f".{name}"
        draft.mkdir(mode=0o700)
        try:
            database, segment, size = EXTERNAL, None, 0
            if is_embedded(settings):
                report("copying the database")
                database = copy_database(embedded_server(settings), draft / layout.DATABASE, name)
                segment = layout.start_segment(draft / layout.DATABASE)
                size = _bytes_in(draft / layout.DATABASE)
            else:
                report("the database is not embedded: back it up with its own tools")
            finished = clock.now()
            report("copying the key store; neither slots nor root key, which are never backed up")
            copy_keys(draft / layout.KEY_STORE)
            objects = _copy_objects(settings, draft, earlier, report)
            prompts = _copy_prompts(settings, draft, earlier)
            manifest = Manifest(
                id=name,
                started_at=started,
                finished_at=finished,
                ringfence=importlib.metadata.version("ringfence"),
                database=database,
                start_segment=segment,
                database_bytes=size,
                objects=objects[0],
                object_bytes=objects[1],
                prompts=prompts[0],
                prompt_bytes=prompts[1],
                checksums={
                    item: layout.checksum(draft / item)
                    for item in (f"{layout.DATABASE}/backup_manifest", layout.KEY_STORE)
                    if (draft / item).exists()
                },
            )
            write_durably(draft / layout.MANIFEST, _indented(manifest))
            draft.rename(base / name)
            sync_directory(base)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        made = Backup(base / name, manifest)
        if keep is not None:
            _forget(directory, [*earlier, made][:-keep], report)
            _trim(directory, [*earlier, made][-keep:])
        return made


def copy_keys_by_command(path: Path) -> None:
    """Have the running ``keys`` copy its store. Raises BackupFailed."""
    command = [sys.executable, "-m", "ringfence.entry.cli", "keys", "backup", str(path)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode != 0 or not path.exists():
        raise BackupFailed("the key store could not be copied; the reason is above")


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    """One backup at a time; what one that was killed has left is removed."""
    with (base / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupFailed("another backup is being made") from None
        for path in base.glob(".*"):
            if path.is_dir():
                shutil.rmtree(path)
        yield


def copy_database(server: EmbeddedPostgres, target: Path, label: str) -> str:
    """A base backup with the log that it needs; returns the server's name and version.

    Raises BackupFailed.
    """
    programs = binaries()
    password = server.password_file.read_text().strip() if server.password_file.exists() else ""
    command = [
        str(programs / "pg_basebackup"),
        f"--pgdata={target}",
        f"--host={server.socket_dir}",
        f"--port={server.port}",
        f"--username={SUPERUSER}",
        f"--label={label}",
        "--format=plain",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--no-password",
    ]
    environment = server_environment() | {"PGPASSWORD": password}
    done = subprocess.run(  # noqa: S603 - our own program and arguments
        command,
        env=environment,
        preexec_fn=lambda: set_parent_death_signal(signal.SIGTERM),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:]
        raise BackupFailed(f"the database cannot be copied: {' '.join(reason)}")
    version = subprocess.run(  # noqa: S603
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    return version.stdout.strip().replace("(", "").replace(")", "").split(" ", 1)[1]


def _copy_objects(
    settings: Settings, draft: Path, earlier: list[Backup], report: Report
) -> tuple[int, int]:
    folder = local_objects(settings)
    if folder is None:
        report("objects are in an object store: its own versions and copies are their backup")
        return 0, 0
    report("copying objects")
    return copy_files(folder, draft / layout.OBJECTS, _last(earlier, layout.OBJECTS))


def _copy_prompts(settings: Settings, draft: Path, earlier: list[Backup]) -> tuple[int, int]:
    target = draft / layout.PROMPTS
    return copy_files(settings.prompt_dir, target, _last(earlier, layout.PROMPTS))


def _last(earlier: list[Backup], folder: str) -> Path | None:
    return earlier[-1].path / folder if earlier else None


def _forget(directory: Path, old: list[Backup], report: Report) -> None:
    for item in old:
        report(f"removing the backup {item.manifest.id}")
        gone = item.path.with_name(f".{item.path.name}")
        item.path.rename(gone)
        shutil.rmtree(gone)


def _trim(directory: Path, kept: list[Backup]) -> None:
    """Remove archived segments from before every backup that is left."""
    starts = [item.manifest.start_segment for item in kept if item.manifest.start_segment]
    if starts:
        first = min(wal.position(name) for name in starts)
        for name in wal.segments(directory / "wal"):
            if wal.position(name) < first:
                (directory / "wal" / name).unlink()


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _indented(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
