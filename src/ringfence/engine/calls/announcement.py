"""Prompts to one leg, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ringfence.engine.calls.events import Spoken
from ringfence.engine.calls.leg import Leg
from ringfence.engine.ports import SpeechRequest
from ringfence.engine.verbs.model import Pause, Play, Prompt, Say
from ringfence.kernel.errors import RingfenceError

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_log = logging.getLogger("ringfence.call")


class Announcement:
    """Says everything in order beside the call, and posts Spoken when it is over.

    A leg that was told to stop hears nothing more of it, and Spoken does not follow.
    """

    def __init__(
        self, call: Call, leg: Leg, prompts: Sequence[Prompt], *, personal: bool = False
    ) -> None:
        self.leg = leg
        self._call = call
        self._prompts = prompts
        self._personal = personal
        self._play = 0
        self._heard = asyncio.Event()
        call.announcements.add(self)
        self._task = asyncio.ensure_future(self._run())

    def on_played(self, play: int) -> None:
        if play == self._play:
            self._heard.set()

    def cancel(self) -> None:
        """Say nothing more; what plays at this moment is not stopped."""
        self._call.announcements.discard(self)
        self._task.cancel()

    async def stop(self) -> None:
        """Say nothing more from now on."""
        self.cancel()
        if self._play:
            await self._call.silence(self.leg)

    async def _run(self) -> None:
        ok = True
        try:
            for prompt in self._prompts:
                await self._say(prompt)
        except RingfenceError as error:
            kv = {"call": self._call.id.hex, "code": error.code}
            _log.warning("prompt could not be played", extra={"kv": kv})
            ok = False
        except Exception:
            _log.exception("prompt failed", extra={"kv": {"call": self._call.id.hex}})
            ok = False
        self._call.announcements.discard(self)
        self._call.post(Spoken(self, ok))

    async def _say(self, prompt: Prompt) -> None:
        match prompt:
            case Pause(seconds=seconds):
                await asyncio.sleep(max(seconds, 0.0))
            case Play(source=source, loop=loop):
                await self._play_out(source, b"", loop)
            case Say():
                request = SpeechRequest(
                    prompt.text,
                    prompt.voice,
                    prompt.language,
                    personal=self._personal or prompt.personal,
                )
                reply = await self._call.manager.speech.render(request)
                await self._play_out(reply.source or "audio", reply.audio, prompt.loop)

    async def _play_out(self, source: str, audio: bytes, loop: int) -> None:
        self._play = self._call.next_play()
        self._heard.clear()
        await self._call.manager.media.play(
            self._call.id, self.leg.id, source, audio=audio, loop=loop, play=self._play
        )
        await self._heard.wait()
