"""The speech process: texts in, audio out, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ringfence.engine.ports import SpeechReply, SpeechRequest
from ringfence.engine.speech import audio, words
from ringfence.engine.speech.cache import SpeechCache
from ringfence.engine.speech.engine import Samples, SpeechEngine
from ringfence.engine.speech.errors import (
    SpeechBusy,
    SpeechTextInvalid,
    SpeechUnavailable,
    SpeechVoiceUnknown,
)
from ringfence.kernel.clock import Clock
from ringfence.platform.rpc import Connection, RpcServer
from ringfence.platform.settings import Settings

MAX_WAITING = 32
"""Texts that wait for their turn."""
_MAX_REPLY = 4_000_000
"""Octets that fit into a message: 8 minutes."""
_SENTENCE_SECONDS = 30.0
"""A sentence that takes longer never ends: the process does, and is started again."""
_REVISION = "1"
"""Of what this module and its neighbours do to text and audio."""
_log = logging.getLogger("ringfence.speech")
T = TypeVar("T")


class _Job:
    """A text that is or will be spoken, for everybody who asked for it."""

    def __init__(self) -> None:
        self.task: asyncio.Task[SpeechReply]
        self.waiters = 0
        self.unwanted = threading.Event()


class SpeechService:
    """Serves ``render`` on the speech socket."""

    def __init__(self, settings: Settings, engine: SpeechEngine, clock: Clock) -> None:
        self._settings = settings.speech
        self._engine = engine
        self._cache = SpeechCache(settings.speech_dir, self._settings.cache_bytes, clock)
        self._thread = ThreadPoolExecutor(1, "speech")
        self._jobs: dict[str, _Job] = {}
        self._waiting = 0
        self._loading: asyncio.Future[None] | None = None
        self._server = RpcServer(settings.speech_socket)
        self._server.register("render", SpeechRequest, self._render)

    async def start(self) -> None:
        """Serve, and load the engine meanwhile. Raises OSError."""
        self._cache.open()
        await self._server.start()
        self._loading = asyncio.ensure_future(self._in_thread(self._load))

    async def stop(self) -> None:
        """Stop serving; what is being spoken ends with its sentence."""
        await self._server.stop()
        for job in self._jobs.values():
            job.unwanted.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> None:
        with contextlib.suppress(SpeechUnavailable):  # logged; whoever wants speech is told
            self._engine.load()

    async def _render(self, request: SpeechRequest, _: Connection) -> SpeechReply:
        voice = self._voice(request)
        if not request.text.strip() or len(request.text) > self._settings.max_characters:
            limit = self._settings.max_characters
            raise SpeechTextInvalid(f"a text has 1 to {limit} characters")
        key = self._key(request.text, voice, request.language)
        shared = not request.personal
        if shared:
            octets = self._cache.get(key)
            if octets is not None:
                return SpeechReply(octets / 8000, f"file:{self._cache.path(key)}")
        job = self._jobs.get(key) if shared else None
        if job is None or job.unwanted.is_set():
            job = self._begin(request.text, voice, key if shared else None)
        job.waiters += 1
        try:
            return await asyncio.shield(job.task)
        finally:
            job.waiters -= 1
            if not job.waiters:
                job.unwanted.set()

    def _begin(self, text: str, voice: str, key: str | None) -> _Job:
        if self._waiting >= MAX_WAITING:
            raise SpeechBusy("too many texts wait to be spoken")
        self._waiting += 1
        job = _Job()
        if key is not None:
            self._jobs[key] = job

        def done(task: asyncio.Task[SpeechReply]) -> None:
            self._waiting -= 1
            if key is not None and self._jobs.get(key) is job:
                del self._jobs[key]
            if not task.cancelled():
                task.exception()  # nobody may be left to ask

        job.task = asyncio.ensure_future(
            self._in_thread(lambda: self._speak(text, voice, key, job.unwanted))
        )
        job.task.add_done_callback(done)
        return job

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _speak(
        self, text: str, voice: str, key: str | None, unwanted: threading.Event
    ) -> SpeechReply:
        self._engine.load()
        parts: list[Samples] = []
        for sentence in words.sentences(text):
            if unwanted.is_set() and (
                key is None or not parts
            ):  # what is begun may be wanted again
                raise SpeechBusy("nobody waits for this any more")
            with _watched():
                spoken = self._engine.speak(sentence, voice)
            parts.append(audio.decimate(spoken, self._engine.rate))
        octets = audio.encode(audio.join(parts))
        if not octets:
            raise SpeechTextInvalid("there is nothing in the text that can be spoken")
        if key is not None and self._kept(key, octets):
            return SpeechReply(len(octets) / 8000, f"file:{self._cache.path(key)}")
        if len(octets) > _MAX_REPLY:
            raise SpeechTextInvalid("the text is too long to be spoken at once")
        return SpeechReply(len(octets) / 8000, audio=octets)

    def _kept(self, key: str, octets: bytes) -> bool:
        try:
            return self._cache.put(key, octets)
        except OSError as error:
            _log.error("speech not kept", extra={"kv": {"errno": error.errno}})
            return False

    def _voice(self, request: SpeechRequest) -> str:
        voices = self._engine.voices
        voice = request.voice or self._settings.voice or next(iter(voices))
        language = voices.get(voice)
        if language is None or request.language.lower().replace("_", "-").split("-")[0] != language:
            raise SpeechVoiceUnknown("no such voice, or none for this language")
        return voice

    def _key(self, text: str, voice: str, language: str) -> str:
        parts = (self._engine.identity, _REVISION, voice, language, text)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    """Ends the process when the engine hangs, even where it holds the interpreter's lock; what is
    printed then names places in the program, no values."""
    faulthandler.dump_traceback_later(_SENTENCE_SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
