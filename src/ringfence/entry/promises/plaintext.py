"""Looks for clear personal values in everything an installation leaves on disk and in its database.

A scan proves something only if in the same run it found what was planted in clear in every store
and encoding: ``check`` plants, scans and takes the plants away again.
"""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from ringfence.protocols.g711 import decode_ulaw

_PLANTED = "planted.bin"
_MOST_INFLATED = 4 << 20
_PIECE, _OVERLAP = 16 << 20, 1 << 20
_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_BYTEA = re.compile(rb"\\\\?x([0-9a-f]{2,})")
SQL_STORE = "sql"


@dataclass(frozen=True)
class Hit:
    """Where a marker stands in clear."""

    marker: str
    encoding: str
    store: str
    """First folder below the data directory, ``keys``, the name of an extra folder, or ``sql``."""
    place: str


@dataclass(frozen=True)
class Marker:
    """A telephone number (E.164) or a piece of mu-law audio, and each form it may be found in."""

    name: str
    number: str = ""
    ulaw: bytes = b""

    def forms(self) -> dict[str, tuple[bytes, ...]]:
        """Bytes to look for, by encoding; one of a tuple is enough."""
        if self.ulaw:
            return {"ulaw": (self.ulaw,), "pcm": (decode_ulaw(self.ulaw).tobytes(),)}
        e164 = self.number.encode()
        digits, national = e164[1:], e164[2:]
        wide = national.decode()
        return {
            "e164": (e164,),
            "digits": (digits,),
            "national": (national,),
            "hex": (national.hex().encode(), national.hex().upper().encode()),
            "base64": _base64_cores(national),
            "utf16": (wide.encode("utf-16-le"), wide.encode("utf-16-be")),
        }


@dataclass
class Report:
    """``hits`` of the markers; ``missed`` plants, which make the scan worthless."""

    hits: list[Hit] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    scanned: dict[str, int] = field(default_factory=dict)
    """Bytes, by store."""


def check(
    data_dir: Path,
    keys_dir: Path,
    dsn: str,
    markers: Iterable[Marker],
    control: Iterable[Marker],
    *,
    more: Mapping[str, Path] | None = None,
) -> Report:
    """Scan for ``markers``; ``control`` are markers that nobody else uses, planted for the scan.

    ``dsn`` connects as a role that may create a table and read all; ``more`` are further folders.
    """
    markers, control = list(markers), list(control)
    stores = _stores(data_dir, keys_dir, more or {})
    report = Report()
    with _planted(stores, dsn, control):
        found = list(scan(data_dir, keys_dir, dsn, [*markers, *control], more=more, report=report))
    planted = {(marker.name, form) for marker in control for form in _plants(marker)}
    seen = {(hit.marker, hit.encoding, hit.store) for hit in found}
    names = [name for name, root in stores.items() if root.is_dir()] + [SQL_STORE]
    report.missed = [
        (store, f"{marker} {form}")
        for store in names
        for marker, form in sorted(planted)
        if (marker, form, store) not in seen
    ]
    of_control = {marker.name for marker in control}
    report.hits = [hit for hit in found if hit.marker not in of_control]
    return report


def scan(
    data_dir: Path,
    keys_dir: Path,
    dsn: str,
    markers: Iterable[Marker],
    *,
    more: Mapping[str, Path] | None = None,
    report: Report | None = None,
) -> Iterator[Hit]:
    """Every hit of every marker, in files and through SQL."""
    forms = _forms(markers)
    report = report or Report()
    for store, root in _stores(data_dir, keys_dir, more or {}).items():
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            for piece in pieces(path):
                report.scanned[store] = report.scanned.get(store, 0) + len(piece)
                yield from _find(forms, piece, store, str(path))
    for place, row in _rows(dsn):
        report.scanned[SQL_STORE] = report.scanned.get(SQL_STORE, 0) + len(row)
        yield from _find(forms, row, SQL_STORE, place)


Forms = list[tuple[str, str, tuple[bytes, ...]]]


def _forms(markers: Iterable[Marker]) -> Forms:
    return [
        (marker.name, encoding, patterns)
        for marker in markers
        for encoding, patterns in marker.forms().items()
    ]


def _find(forms: Forms, content: bytes, store: str, place: str) -> Iterator[Hit]:
    for marker, encoding, patterns in forms:
        if any(content.find(pattern) >= 0 for pattern in patterns):
            yield Hit(marker, encoding, store, place)
    for inflated in _inflated(content):
        for marker, _, patterns in forms:
            if any(pattern in inflated for pattern in patterns):
                yield Hit(marker, "compressed", store, place)


def _inflated(content: bytes) -> Iterator[bytes]:
    """What lies compressed in it, by gzip or zlib, at any place."""
    for match in _COMPRESSED.finditer(content):
        window = 31 if match.group()[0] == 0x1F else 15
        try:
            start = match.start()
            inflated = zlib.decompressobj(window).decompress(
                content[start : start + (1 << 20)], _MOST_INFLATED
            )
        except zlib.error:
            continue
        if inflated:
            yield inflated


def pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces that overlap, so that nothing is cut; it may be written meanwhile."""
    if not path.is_file() or path.is_symlink():
        return
    try:
        with path.open("rb") as file:
            piece = file.read(_PIECE)
            while piece:
                yield piece
                more = file.read(_PIECE)
                piece = piece[-_OVERLAP:] + more if more else b""
    except FileNotFoundError:
        return  # it went away meanwhile


def _rows(dsn: str) -> Iterator[tuple[str, bytes]]:
    """Each row of each table as text, and each of its byte strings as they are."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            for (text,) in connection.execute(query):
                row = text.encode()
                yield table, row
                for literal in _BYTEA.findall(row):
                    if len(literal) % 2 == 0:
                        yield table, bytes.fromhex(literal.decode())


def _stores(data_dir: Path, keys_dir: Path, more: Mapping[str, Path]) -> dict[str, Path]:
    found = {path.name: path for path in sorted(data_dir.iterdir()) if not path.is_socket()}
    return found | {"keys outside": keys_dir} | dict(more)


@contextmanager
def _planted(stores: Mapping[str, Path], dsn: str, control: Iterable[Marker]) -> Iterator[None]:
    """One file per folder, one row per form. Text of more than 2 kB is compressed by the server."""
    plants = [content for marker in control for content in _plants(marker).values()]
    files = [root / _PLANTED for root in stores.values() if root.is_dir()]
    try:
        for file in files:
            file.write_bytes(b"\n--\n".join(plants))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS planted_in_clear")
            connection.execute("CREATE TABLE planted_in_clear (raw bytea, long text)")
            for content in plants:
                connection.execute(
                    "INSERT INTO planted_in_clear VALUES (%s, %s)",
                    [content, ("x" * 4000) + content.hex()],
                )
        yield
    finally:
        for file in files:
            file.unlink(missing_ok=True)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS planted_in_clear")


def _plants(marker: Marker) -> dict[str, bytes]:
    """Each form in clear among other bytes, and one compressed."""
    plants = {}
    for encoding, patterns in marker.forms().items():
        if encoding == "base64":
            number = marker.number[2:].encode()
            plants[encoding] = b" ".join(
                base64.b64encode(b"?" * shift + number + b"??") for shift in range(3)
            )
        else:
            plants[encoding] = b"\0" + b"\0".join(patterns) + b"\0"
    clear = marker.ulaw or marker.number.encode()
    plants["compressed"] = gzip.compress(clear * 3) + zlib.compress(clear * 3)
    return plants


def _base64_cores(content: bytes) -> tuple[bytes, ...]:
    """What base64 makes of it at each of three alignments, without what its neighbours decide."""
    cores = []
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + content)
        first = (shift * 8 + 5) // 6
        last = (shift + len(content)) * 8 // 6
        cores.append(whole[first:last])
    return tuple(cores)
