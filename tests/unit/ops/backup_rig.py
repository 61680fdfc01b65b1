"""An installation with only database and key store, to be backed up and restored."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from ringfence.domains.flows.prompt_file import prompt_path, write_prompt
from ringfence.entry.backup import restore
from ringfence.entry.backup.layout import Backup
from ringfence.entry.backup.state import Restore
from ringfence.entry.backup.take import backup
from ringfence.entry.keys import open_store, root_key
from ringfence.kernel.clock import SystemClock
from ringfence.platform.database import embedded_server
from ringfence.platform.keys import erasure, persons, rotation
from ringfence.platform.keys.erasure import Destruction, ErasePerson, JournalEntry
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.keys.roots import RootKeys
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.postgres import EmbeddedPostgres
from ringfence.platform.settings import load_settings

TENANT = UUID("01930000-0000-7000-8000-00000000000a")
CLOCK = SystemClock()


def copy_store(source: Path, target: Path) -> None:
    """What `ringfence keys backup` writes, without the process."""
    with sqlite3.connect(source) as reading, sqlite3.connect(target) as writing:
        reading.backup(writing)


class Rig:
    """Its settings are those of $RINGFENCE_CONFIG, so that commands see the same installation."""

    def __init__(self) -> None:
        self.settings = load_settings()
        self.server: EmbeddedPostgres = embedded_server(self.settings)
        self.reports: list[str] = []

    @property
    def directory(self) -> Path:
        assert self.settings.backup.directory is not None
        return self.settings.backup.directory

    # --- rows

    def start(self) -> None:
        self.server.start()
        self.execute("CREATE TABLE IF NOT EXISTS row (name text PRIMARY KEY, person uuid)")

    def execute(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.superuser_url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def add(self, name: str, person: UUID | None = None) -> None:
        self.execute("INSERT INTO row VALUES (%s, %s)", name, person)

    def names(self) -> set[str]:
        return {row[0] for row in self.execute("SELECT name FROM row")}

    def now(self) -> datetime:
        found: datetime = self.execute("SELECT clock_timestamp()")[0][0]
        return found

    def prompt(self, index: int, audio: bytes) -> Path:
        """A prompt as an upload leaves it."""
        path = prompt_path(self.settings.prompt_dir, TENANT, UUID(int=index))
        write_prompt(path, audio)
        return path

    # --- keys

    def store(self) -> KeyStore:
        return open_store(self.settings, CLOCK, RootKeys(root_key(self.settings)))

    def persons(self, count: int) -> list[UUID]:
        """New persons, one per number."""
        store = self.store()
        numbers = [Identifier("e164", f"+1415555{index:04}") for index in range(count)]
        with store.transaction():
            found = persons.resolve(store, TENANT, numbers)
        store.close()
        return [item.person for item in found]

    def erase(self, person: UUID) -> None:
        store = self.store()
        with store.transaction():
            erasure.condemn(store, TENANT, Destruction((ErasePerson(person),)))
        rotation.rotate_stale(store)
        store.close()

    # --- there and back

    def back_up(self, keep: int | None = None) -> Backup:
        return backup(
            self.settings,
            self.directory,
            CLOCK,
            self.reports.append,
            keep=keep,
            copy_keys=lambda path: copy_store(self.settings.key_store, path),
        )

    def plan(
        self, target: datetime | None = None, timeline: str = "latest", keys: Path | None = None
    ) -> Restore:
        return restore.plan(self.directory, target, timeline, keys, CLOCK)

    def restore(
        self,
        asked: Restore,
        replay: Callable[[Sequence[JournalEntry]], None] | None = None,
        report: Callable[[str], None] | None = None,
    ) -> Restore:
        done, _ = restore.run(
            self.settings,
            asked,
            CLOCK,
            report or self.reports.append,
            prepare=lambda: None,
            replay=replay or self.replay,
        )
        return done

    def replay(self, entries: Sequence[JournalEntry]) -> None:
        """What the privacy domain does, for the one table there is."""
        for entry in entries:
            for person in entry.destruction.persons:
                self.execute("DELETE FROM row WHERE person = %s", person.person)


def write_config(folder: Path) -> Path:
    """A configuration file in a new installation's folder."""
    values = {
        "node": {"data_dir": str(folder / "var")},
        "backup": {"directory": str(folder / "backup")},
    }
    lines = []
    for section, keys in values.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    path = folder / "ringfence.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.02)


def ringfence(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
