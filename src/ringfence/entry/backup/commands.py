"""The commands ``backup`` and ``restore``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ringfence.entry.backup import layout, restore
from ringfence.entry.backup.state import put_asides
from ringfence.entry.backup.take import BackupFailed, backup, copy_keys_by_command
from ringfence.entry.serve import exclusive
from ringfence.kernel.clock import SystemClock
from ringfence.platform import logging as structured_logging
from ringfence.platform.database import embedded_server
from ringfence.platform.keys.erasure import JournalEntry
from ringfence.platform.settings import Settings, SettingsError, load_settings


def _report(text: str) -> None:
    click.echo(f"{text} …", err=True)


def _directory(settings: Settings, named: Path | None, option: str) -> Path:
    directory = named or settings.backup.directory
    if directory is None:
        raise SettingsError(f"backup.directory is not set: set it, or name one with {option}")
    return directory.resolve()


@click.command("backup")
@click.option("--to", "to", type=click.Path(path_type=Path), help="Instead of backup.directory.")
@click.option("--keep", type=click.IntRange(min=1), help="Then remove all but the newest N.")
def backup_command(to: Path | None, keep: int | None) -> None:
    """Back up the running installation: database, key store, local objects,
    prompts.

    Calls go on meanwhile. Slots and root key are never part of a backup: keep them apart. Prints
    the manifest as JSON.
    """
    settings = load_settings()
    clock = SystemClock()
    began = clock.monotonic()
    directory = _directory(settings, to, "--to")
    try:
        made = backup(
            settings, directory, clock, _report, keep=keep, copy_keys=copy_keys_by_command
        )
    except OSError as error:
        raise BackupFailed(str(error)) from None
    summary = {
        "path": str(made.path),
        "seconds": round(clock.monotonic() - began, 1),
        **json.loads((made.path / layout.MANIFEST).read_bytes()),
        "contains_slots": False,
        "contains_root_key": False,
    }
    click.echo(json.dumps(summary, indent=2))


@click.command("restore")
@click.option(
    "--from", "source", type=click.Path(path_type=Path, exists=True),
    help="A backup, or a directory of them; default backup.directory.",
)  # fmt: skip
@click.option("--to", "target", default="latest", help="2026-11-22T10:00:00Z, or latest (default).")
@click.option("--timeline", default="latest", help="Of the write-ahead log: a number, or latest.")
@click.option(
    "--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A copy of the key store, when the key store itself is lost.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Finish the restore that was interrupted.")
def restore_command(
    source: Path | None, target: str, timeline: str, keys: Path | None, resume: bool
) -> None:
    """Put the database back to a time. The installation must be stopped, and stays closed until
    what was erased since the backup is erased again.

    Moves the present database aside, deletes nothing. Interrupted, the same command or --resume
    goes on. With another database than the embedded one, restore that first by its own tools.
    """
    settings = load_settings()
    structured_logging.configure(settings.log, "restore")
    clock = SystemClock()
    began = clock.monotonic()
    with exclusive(settings):
        if resume:
            asked = restore.unfinished(settings)
        else:
            directory = _directory(settings, source, "--from")
            asked = restore.plan(directory, layout.parse_target(target), timeline, keys, clock)
        if asked.keys is not None:
            _report(
                "the key store is replaced by a copy: keys made since it open nothing, keys "
                "beside one destroyed since it are lost, erasures since it are not replayed; "
                "see docs/guides/backup.md"
            )
        done, entries = restore.run(
            settings,
            asked,
            clock,
            _report,
            prepare=restore.prepare_by_command,
            replay=_replay,
        )
    summary = {
        "backup": done.backup,
        "asked_for": "latest" if done.target is None else done.target.isoformat(),
        "last_transaction": done.reached,
        "erasures_replayed": entries,
        "keys_lost": done.keys_lost,
        "put_aside": [
            str(path)
            for folder in (embedded_server(settings).files, settings.key_store.parent)
            for path in put_asides(folder)
        ],
        "seconds": round(clock.monotonic() - began, 1),
    }
    click.echo(json.dumps(summary, indent=2))
    click.echo("open again; start it: ringfence serve", file=sys.stderr)


def _replay(entries: Sequence[JournalEntry]) -> None:
    from ringfence.entry.database import setup_django

    setup_django("cli")
    from ringfence.domains.privacy import api

    api.replay(entries)
