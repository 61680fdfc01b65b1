"""Copies segments of PostgreSQL's write-ahead log into the archive and back. A program by itself.

    python -I -S wal_files.py archive SOURCE ARCHIVE    as archive_command
    python -I -S wal_files.py fetch NAME TARGET DIR…    as restore_command

Standard library only: the server runs it for each segment. Exit status 0: done and on disk; 1: not
done, to be tried again (archive), or there is no such segment (fetch); 200: fetch failed otherwise,
so that the server stops rather than take it for the end of the log.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PIECE = 1 << 16
_ABORT = 200


def archive(source: Path, directory: Path) -> None:
    """Put a durable copy of a segment into the archive; never replaces a different one.

    Blocks of zeros become holes: a segment that was closed early takes the space of what it holds.
    Raises OSError.
    """
    target = directory / source.name
    if target.exists():  # a crash came between the copy and the server's note of it
        if not _same(source, target):
            raise OSError("the archive holds another segment of this name: of another database?")
        _sync(target)
    else:
        draft = directory / f".{source.name}.new"
        _copy(source, draft)
        draft.rename(target)
    _sync(directory)


def fetch(name: str, target: Path, directories: list[Path]) -> bool:
    """Copy a segment from the first directory that has it; False when none does. Raises OSError."""
    for directory in directories:
        path = directory / name
        if path.exists():
            _copy(path, target)
            return True
    return False


def _copy(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with source.open("rb") as reading, os.fdopen(descriptor, "wb") as writing:
            while piece := reading.read(_PIECE):
                if piece.count(0) == len(piece):
                    writing.seek(len(piece), os.SEEK_CUR)
                else:
                    writing.write(piece)
            writing.truncate()
            writing.flush()
            os.fsync(writing.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _same(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while (piece := left.read(_PIECE)) == right.read(_PIECE):
            if not piece:
                return True
    return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(arguments: list[str]) -> int:
    """Exit status of one run."""
    try:
        match arguments:
            case ["archive", source, directory]:
                archive(Path(source), Path(directory))
                return 0
            case ["fetch", name, target, *directories]:
                return 0 if fetch(name, Path(target), [Path(path) for path in directories]) else 1
    except OSError as error:
        sys.stderr.write(f"wal_files: {' '.join(arguments[:2])}: {error}\n")
        return 1 if arguments[0] == "archive" else _ABORT
    sys.stderr.write(str(__doc__))
    return _ABORT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
