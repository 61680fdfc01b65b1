"""Evidence that leaves the installation: each report signed, and chained to the one before it.

A bundle is one line of JSON: ``{"number", "previous", "report", "key", "signature"}``, signed as
ringfence.platform.signing says; ``previous`` is the SHA-256 of the line before it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any

from ringfence.platform.signing import canonical, signed

FOLDER = "promises"
"""In the data directory."""


def append(data_dir: Path, report: dict[str, Any]) -> Path:
    """Sign a report and put it after the last one; durable when this returns. Raises OSError."""
    folder = data_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        earlier = sorted(folder.glob("[0-9]*.json"))
        body = {
            "number": len(earlier) + 1,
            "previous": hashlib.sha256(earlier[-1].read_bytes()).hexdigest() if earlier else "",
            "report": report,
        }
        path = folder / f"{body['number']:06}.json"
        _write(path, canonical(signed(data_dir, body)) + b"\n")
    return path


def _write(path: Path, content: bytes) -> None:
    """The whole file or none of it."""
    staged = path.with_name(f".{path.name}.new")
    with staged.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    staged.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
