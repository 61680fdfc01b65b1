"""The installation under examination, by the paths that controls may use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psycopg

from ringfence.entry.demo.own_key import OwnKey
from ringfence.entry.demo.rest import Rest
from ringfence.entry.promises.files import write_whole
from ringfence.kernel.errors import Unavailable
from ringfence.platform.settings import Settings
from ringfence.policies.profiles import Profile

Connection = psycopg.Connection[tuple[Any, ...]]


class NoLocalObjects(Unavailable):
    """The objects lie elsewhere than in a folder of this machine, where raw files can be read."""

    code = "no_local_objects"


@dataclass(frozen=True)
class Placed:
    """A call as the phones saw it."""

    api: Rest
    """With a key of the tenant that was called."""
    called: str
    began_at: datetime
    seconds: float
    """From the 200 to the BYE."""


@dataclass(frozen=True)
class Canary:
    """A tenant whose calls are recorded, another one that never asked for that, and what happened
    to them: what the examiner knows and the installation must not show."""

    tenant: UUID
    quiet: UUID
    closed: UUID
    """One that is at its end: closed, and its time to come back over."""
    api: Rest
    """With a key of the first tenant."""
    caller: str
    """E.164 of who called; the quiet tenant was called from it too."""
    call: UUID
    quiet_call: UUID
    refused_call: UUID
    """Of somebody who had refused to be recorded; of the first tenant."""
    placed: tuple[Placed, ...]
    recording: str
    """Its public id."""
    key: OwnKey | None
    """What alone opens its tracks; None: the platform plays them."""
    tracks: dict[str, UUID]
    """Its tracks, by whose voice it is."""
    audio: dict[str, str]
    """SHA-256 of what each track played when it was stored."""
    reads: int
    """How often the record of the call was read since."""
    since: str
    """The moment, in ISO 8601, from which on."""


@dataclass
class Site:
    """``database`` is connected as the owner, in a transaction that ends by being rolled back."""

    settings: Settings
    database: Connection
    canary: Canary
    profile: Profile
    kept: dict[str, Any] = field(default_factory=dict)
    """What a control keeps from one look to the next of the same run, by its name."""

    @property
    def objects(self) -> Path:
        """The folder of stored objects. Raises NoLocalObjects."""
        return objects_folder(self.settings)

    @contextlib.contextmanager
    def planted(self, subject: str, statement: Any, *values: Any) -> Iterator[str]:
        """A change of rows that the examiner alone sees, and that no crash leaves behind: it is
        never committed. Raises RuntimeError when it changes nothing."""
        with self.database.transaction(force_rollback=True):
            if self.database.execute(statement, values).rowcount < 1:
                raise RuntimeError(f"there was nothing to break: {subject}")
            yield subject

    @contextlib.contextmanager
    def planted_file(self, path: Path, content: bytes | None, subject: str) -> Iterator[str]:
        """A file, other content of one, or none, while the context lasts. What was there comes
        back also after a crash: ``mend`` finds it."""
        kept = path.with_name(f".{path.name}{_KEPT}")
        before = path.read_bytes() if path.exists() else None
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, b"-" if before is None else b"+" + before)
        try:
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
            yield subject
        finally:
            _put_back(kept)

    def mend(self) -> int:
        """Undo what an examination that was killed left behind; returns how much that was."""
        folders = [
            self.settings.data_dir,
            *(
                self.objects / tenant.hex
                for tenant in (self.canary.tenant, self.canary.quiet, self.canary.closed)
            ),
        ]
        left = {kept for folder in folders for kept in folder.rglob(f".*{_KEPT}")}
        for kept in left:
            _put_back(kept)
        return len(left)


def objects_folder(settings: Settings) -> Path:
    """The folder of stored objects. Raises NoLocalObjects."""
    parts = urlsplit(settings.storage_url)
    if parts.scheme != "file":
        raise NoLocalObjects("the objects of this installation are in no local folder")
    return Path(unquote(parts.path))


_KEPT = ".before-violation"


def _put_back(kept: Path) -> None:
    path = kept.with_name(kept.name[1 : -len(_KEPT)])
    content = kept.read_bytes()
    if content[:1] == b"+":
        write_whole(path, content[1:])
    else:
        path.unlink(missing_ok=True)
    kept.unlink()
