"""Copies of folders whose files never change: local objects, which are sealed, and prompts."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ringfence.platform.keys.roots import sync_directory
from ringfence.platform.settings import Settings

_LOCAL = "file://"


def local_objects(settings: Settings) -> Path | None:
    """The folder of objects; None when they are in an object store of their own."""
    url = settings.storage_url
    return Path(url.removeprefix(_LOCAL)) if url.startswith(_LOCAL) else None


def copy_files(source: Path, target: Path, earlier: Path | None) -> tuple[int, int]:
    """Every file of ``source`` in ``target``, durable: how many, and their bytes.

    What the ``earlier`` backup has takes no space again (a hard link), nor does anything on the
    same file system. One that is deleted meanwhile is left out.
    """
    target.mkdir(mode=0o700)
    count = size = 0
    for name in _names(source):
        with contextlib.suppress(FileNotFoundError):
            found = (source / name).stat()
            known = earlier / name if earlier is not None else source / name
            if not _equal(known, found.st_size, found.st_mtime_ns):
                known = source / name
            _place(known, target / name)
            count, size = count + 1, size + found.st_size
    _sync_tree(target)
    return count, size


def restore_files(source: Path, target: Path) -> int:
    """Copy what ``target`` lacks from a backup, durable; how many that were."""
    missing = 0
    for name in _names(source):
        if not (target / name).exists():
            _copy(source / name, target / name)
            missing += 1
    if missing:
        _sync_tree(target)
    return missing


def _names(folder: Path) -> Iterator[Path]:
    """Files by their path in the folder; what is being written has a dot before a name."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder)


def _equal(path: Path, size: int, mtime_ns: int) -> bool:
    with contextlib.suppress(OSError):
        found = path.stat()
        return (found.st_size, found.st_mtime_ns) == (size, mtime_ns)
    return False


def _place(source: Path, target: Path) -> None:
    """Link, or copy where the file system refuses."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.new")
    with source.open("rb") as reading, draft.open("wb") as writing:
        draft.chmod(0o600)
        shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())
    shutil.copystat(source, draft)
    draft.rename(target)


def _sync_tree(folder: Path) -> None:
    for place, _, _ in os.walk(folder):
        sync_directory(Path(place))
