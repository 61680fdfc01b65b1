"""Evidence that leaves the installation: each report signed, and chained to the one before it.

A bundle is one line of JSON: ``{"number", "previous", "report", "key", "signature"}``, signed as
ringfence.platform.signing says; ``previous`` is the SHA-256 of the line before it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ringfence.entry.promises.files import write_whole
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.signing import canonical, signed

FOLDER = "promises"
"""In the data directory."""


class ExaminationRuns(RingfenceError):
    """Another examination runs; each would find what the other plants."""

    code = "examination_runs"
    http_status = 409


@contextlib.contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """While one examination runs, no other begins. Raises ExaminationRuns, OSError."""
    folder = data_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExaminationRuns("another examination runs: wait for its end") from None
        yield


def append(data_dir: Path, report: dict[str, Any], chain: str = FOLDER) -> Path:
    """Sign a report and put it after the last one of its chain, a folder of the data directory,
    ``alone``; durable when this returns."""
    folder = data_dir / chain
    folder.mkdir(exist_ok=True)
    earlier = sorted(folder.glob("[0-9]*.json"))
    body = {
        "number": len(earlier) + 1,
        "previous": hashlib.sha256(earlier[-1].read_bytes()).hexdigest() if earlier else "",
        "report": report,
    }
    path = folder / f"{body['number']:06}.json"
    write_whole(path, canonical(signed(data_dir, body)) + b"\n")
    return path
