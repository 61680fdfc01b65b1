"""The server's settings that send its write-ahead log to an archive, and bring it back from one."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ringfence.platform import wal_files

PROGRAM = Path(wal_files.__file__)
ARCHIVE_SECONDS = 60
"""The log goes to the archive at least so often when anything was written: the most that is lost
with the disk of the database."""
SEGMENT_BYTES = 16 << 20
_SEGMENT = re.compile(r"[0-9A-F]{24}")


def archive_options(archive: Path) -> dict[str, str]:
    """Settings of a server that archives."""
    return {
        "archive_mode": "on",
        "archive_timeout": str(ARCHIVE_SECONDS),
        "archive_command": _command("archive", "%p", archive),
    }


def restore_options(archives: Sequence[Path], target_time: str | None) -> dict[str, str]:
    """Settings of a server in recovery: replay the log up to a time, or all of it, then promote.

    Nobody connects until it is promoted.
    """
    options = {
        "restore_command": _command("fetch", "%f", "%p", *archives),
        "recovery_target_action": "promote",
        "hot_standby": "off",
    }
    if target_time is not None:
        options["recovery_target_time"] = target_time
    return options


def _command(verb: str, *arguments: str | Path) -> str:
    """A shell command of the server, which replaces %p and %f."""
    fixed = (sys.executable, "-I", "-S", str(PROGRAM), verb)
    words = [shlex.quote(word.replace("%", "%%")) for word in fixed]
    for argument in arguments:
        if isinstance(argument, Path):
            words.append(shlex.quote(str(argument).replace("%", "%%")))
        else:
            words.append(f'"{argument}"')
    return " ".join(words)


def segments(archive: Path) -> list[str]:
    """Names of the whole segments in an archive, sorted."""
    if not archive.is_dir():
        return []
    return sorted(path.name for path in archive.iterdir() if _SEGMENT.fullmatch(path.name))


def position(segment: str) -> int:
    """Number of a segment, counted from the beginning of the log; the same on every timeline."""
    return int(segment[8:16], 16) * ((1 << 32) // SEGMENT_BYTES) + int(segment[16:], 16)


def first_gap(names: Iterable[str], start: str) -> int | None:
    """Position of the first segment missing between ``start`` and the newest; None when whole."""
    have = sorted({position(name) for name in names if position(name) >= position(start)})
    for expected, found in enumerate(have, position(start)):
        if found != expected:
            return expected
    return None
