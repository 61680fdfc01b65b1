"""No file of the installation holds a caller's number: database, spools, objects, logs."""

from __future__ import annotations

import base64
import mmap
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_CLAUSES = ("CCA-05.0-01", "CTX-01.C-07")


def _spellings(number: str) -> set[bytes]:
    """E.164 without its sign, the national number, and both in UTF-16, hex and base64."""
    digits = [number[1:].encode(), number[2:].encode()]
    wide = [form.decode().encode("utf-16-le") for form in digits]
    hexed = [form.hex().encode() for form in digits]
    return {*digits, *wide, *hexed, base64.b64encode(number.encode())[:-1]}


def _files(site: Site) -> Iterator[Path]:
    for path in sorted(site.settings.data_dir.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _population(site: Site) -> int:
    return sum(1 for _ in _files(site))


def _check(site: Site) -> list[Finding]:
    marks = _spellings(site.canary.caller)
    return [
        Finding("readable_number", str(path.relative_to(site.settings.data_dir)))
        for path in _files(site)
        if _holds(path, marks)
    ]


def _holds(path: Path, marks: set[bytes]) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return any(data.find(mark) >= 0 for mark in marks)
    except (FileNotFoundError, ValueError):  # gone meanwhile, or empty
        return False


def _in_a_log(site: Site) -> AbstractContextManager[str]:
    path = site.settings.data_dir / "examined.log"
    return site.planted_file(path, f"call from {site.canary.caller}\n".encode(), path.name)


FILES_CLEAR = Control(
    name="files-clear",
    says="No file in the data directory holds the number of somebody who called.",
    limits="Looks for the canary caller's number in 7 spellings, uncompressed; blocks that the"
    " file system freed, and a database elsewhere, are not read.",
    population=_population,
    check=_check,
    violations=(Violation("number-in-a-log", _CLAUSES, _in_a_log),),
)
