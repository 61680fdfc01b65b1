"""Audio that documents play from URLs, fetched, converted and kept for a while on this node."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ringfence.domains.flows.audio import MAX_BYTES, to_telephone
from ringfence.domains.flows.prompt_file import write_prompt
from ringfence.kernel.clock import Clock
from ringfence.platform.egress import Outbound, Response, Sending

SECONDS = 10.0
"""To fetch one file."""
KEPT_SECONDS = 24 * 3600
"""After its last use: longer than a call may last."""
_REDIRECTS = 5
_REMEMBERED = 1000
_AT_ONCE = 8
"""Files in memory."""
_VALIDATOR = re.compile(r"[\x21-\x7e ]{1,256}")


@dataclass(frozen=True, slots=True)
class _Known:
    """What a URL led to, and what asks whether it still does (RFC 9110 13.1)."""

    name: str
    conditions: dict[str, str]


class NotPlayable(ValueError):
    """What a URL leads to cannot be played; ``status`` when the server did not give it."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class RemoteAudio:
    """A folder of audio files named by their content, of at most so many bytes."""

    def __init__(self, folder: Path, egress: Outbound, clock: Clock, *, most_bytes: int) -> None:
        self._folder = folder
        self._egress = egress
        self._clock = clock
        self._most_bytes = most_bytes
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._fetching = asyncio.Semaphore(_AT_ONCE)
        self._storing = asyncio.Lock()

    async def fetch(self, tenant: UUID, url: str) -> str:
        """Path of a WAV file (8 kHz, mono, 16 bit) of what the URL leads to now.

        Raises NotPlayable, EgressRefused, EgressFailed, OSError, and what to_telephone raises.
        """
        async with self._fetching:
            return str(await self._fetch(tenant, url))

    async def _fetch(self, tenant: UUID, url: str) -> Path:
        known = self._known.get(url)
        kept = self._folder / known.name if known else None
        usable = kept is not None and await asyncio.to_thread(self._use, kept)
        answer = await self._egress.fetch(
            "GET",
            url,
            sending=Sending("remote_audio", tenant),
            headers={"Accept": "audio/*", **(known.conditions if known and usable else {})},
            timeout=SECONDS,
            max_bytes=MAX_BYTES,
            redirects=_REDIRECTS,
        )
        if answer.status == 304 and kept is not None and usable:
            return kept
        if answer.status != 200:
            raise NotPlayable("the audio of a <Play> is not there", answer.status)
        async with self._storing:  # two of the same content would write one file
            path = await asyncio.to_thread(self._store, answer)
        self._remember(url, path.name, answer)
        return path

    def _remember(self, url: str, name: str, answer: Response) -> None:
        conditions = {
            condition: value
            for condition, value in (
                ("If-None-Match", answer.headers.get("etag", "")),
                ("If-Modified-Since", answer.headers.get("last-modified", "")),
            )
            if _VALIDATOR.fullmatch(value)
        }
        self._known.pop(url, None)
        if conditions:
            self._known[url] = _Known(name, conditions)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _store(self, answer: Response) -> Path:
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise NotPlayable("the audio of a <Play> is compressed")
        if _is_mp3(answer):
            raise NotPlayable("MP3 is not supported in <Play>: use WAV")
        sound, _ = to_telephone(answer.body)
        path = self._folder / f"{hashlib.sha256(sound).hexdigest()}.wav"
        if not self._use(path):
            write_prompt(path, sound)
            self._use(path)
        self._sweep()
        return path

    def _use(self, path: Path) -> bool:
        """Whether the file is there, marked as used now."""
        now = self._clock.now().timestamp()
        try:
            os.utime(path, (now, now))
        except FileNotFoundError:
            return False
        return True

    def _sweep(self) -> None:
        """Remove what was not used for long; above the limit, the least recently used."""
        oldest = self._clock.now().timestamp() - KEPT_SECONDS
        left = self._most_bytes
        files = [(path.stat(), path) for path in self._folder.iterdir()]
        for facts, path in sorted(files, key=lambda item: item[0].st_mtime, reverse=True):
            left -= facts.st_size
            if facts.st_mtime < oldest or left < 0:
                path.unlink(missing_ok=True)


def _is_mp3(answer: Response) -> bool:
    """By its label, an ID3 tag or the first frame's sync word of layer III."""
    label = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    start = answer.body[:3]
    return (
        label in ("audio/mpeg", "audio/mp3")
        or start == b"ID3"
        or (len(start) > 1 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2)
    )
