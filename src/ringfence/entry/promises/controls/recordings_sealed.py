"""Recordings lie in storage sealed: raw files are read by a parser of this control's own."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

from ringfence.entry.demo.rest import ApiRefused
from ringfence.entry.promises.canary import played
from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_CLAUSES = ("CCA-01.0-11", "CCA-05.0-01", "CMX-06.0-03", "CTX-01.C-07")
_CHUNK, _TAG, _LAST = 65536, 16, 1 << 31
_WRAPPED_AES_256 = 32 + _TAG
_SAMPLE = 256 << 10


def _files(site: Site) -> list[Path]:
    return sorted(path for path in site.objects.glob("*/tracks/*/*/*/*") if path.is_file())


def _population(site: Site) -> int:
    own = {track.hex for track in site.canary.tracks.values()}
    return len(own & {path.name for path in _files(site) if not path.name.startswith(".")})


def _check(site: Site) -> list[Finding]:
    found = [
        Finding(problem, str(path.relative_to(site.objects)))
        for path in _files(site)
        if not path.name.startswith(".") and (problem := _problem(path))
    ]
    return [*found, *_played(site)]


def _problem(path: Path) -> str:
    """Why this is no object that is sealed with AES-256-GCM; empty when it is one."""
    try:
        with path.open("rb") as file:
            content = file.read()
    except FileNotFoundError:
        return ""  # deleted meanwhile
    body = _body(content)
    if body is None:
        return "not_sealed"
    sample = body[:_SAMPLE]
    if len(zlib.compress(sample, 1)) < 0.98 * len(sample):
        return "not_random"
    return ""


def _body(content: bytes) -> bytes | None:
    """The ciphertext, if the object has the documented form to its last byte."""
    if len(content) < 2 or content[0] != 1 or not content[1]:
        return None
    at = 2
    whole_key = False
    for _ in range(content[1]):
        kind, length = content[at : at + 1], int.from_bytes(content[at + 33 : at + 35], "big")
        at += 35 + length
        if kind not in (b"\x01", b"\x02"):
            return None
        whole_key = whole_key or length >= _WRAPPED_AES_256
    if not whole_key:
        return None
    at += 7
    chunks = []
    while True:
        stated = int.from_bytes(content[at : at + 4], "big")
        length = stated & ~_LAST
        chunk = content[at + 4 : at + 4 + length]
        if not _TAG <= length <= _CHUNK + _TAG or len(chunk) != length:
            return None
        chunks.append(chunk)
        at += 4 + length
        if stated & _LAST:
            break
    return b"".join(chunks) if at == len(content) else None


def _played(site: Site) -> Iterator[Finding]:
    """A track of the canary that does not play what it played first: a changed bit must stop it."""
    canary = site.canary
    for role, expected in canary.audio.items():
        track = canary.tracks[role].hex
        try:
            now = played(canary.api, canary.recording, role, canary.key)
        except ApiRefused as refused:
            yield Finding("does_not_play", track, str(refused.details.get("code", "")))
            continue
        if now != expected:
            yield Finding("plays_something_else", track)


def _place(site: Site) -> Path:
    """Beside a track of the canary."""
    own = {track.hex for track in site.canary.tracks.values()}
    return next(path for path in _files(site) if path.name in own)


def _beside(site: Site, content: bytes) -> AbstractContextManager[str]:
    path = _place(site).with_name(uuid4().hex)
    return site.planted_file(path, content, str(path.relative_to(site.objects)))


def _wav(site: Site) -> AbstractContextManager[str]:
    tone = b"RIFF" + (36 + 16000).to_bytes(4, "little") + b"WAVEfmt " + bytes(24) + b"data"
    return _beside(site, tone + bytes(range(160)) * 100)


def _clear_body(site: Site) -> AbstractContextManager[str]:
    """A sealed object's header, and audio that nobody sealed."""
    real = _place(site).read_bytes()
    at = 2
    for _ in range(real[1]):
        at += 35 + int.from_bytes(real[at + 33 : at + 35], "big")
    audio = bytes((n * n) % 251 for n in range(8000))
    return _beside(site, real[: at + 7] + (len(audio) | _LAST).to_bytes(4, "big") + audio)


def _flipped(site: Site) -> AbstractContextManager[str]:
    path = _place(site)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    return site.planted_file(path, bytes(content), path.name)


RECORDINGS_SEALED = Control(
    name="recordings-sealed",
    says="Every stored recording is an object sealed with AES-256-GCM under a key of 32 bytes.",
    limits="Looks at the objects in a local folder; the canary's own are also played. That the"
    " cipher is the stated one shows in that a changed bit does not open.",
    population=_population,
    check=_check,
    violations=(
        Violation("plain-wav", _CLAUSES, _wav),
        Violation("clear-audio-behind-a-header", _CLAUSES, _clear_body),
        Violation("flipped-bit", _CLAUSES, _flipped),
    ),
)
