"""Say, Play, Pause, Hold: the primary leg listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.engine.calls.announcement import Announcement
from ringfence.engine.calls.events import Elapsed, Pressed, Spoken
from ringfence.engine.calls.states import State
from ringfence.engine.verbs.model import Hold, Pause, Play, Say
from ringfence.platform.rpc import RpcError

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call


class Speaking:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._announcement: Announcement | None = None

    async def start(self, verb: Say | Play | Pause | Hold, *, personal: bool) -> str | None:
        call = self._call
        call.state, call.doing = State.SPEAKING, self
        if isinstance(verb, Hold):
            try:
                await call.manager.media.play(call.id, call.primary.id, verb.source, loop=0)
            except RpcError:
                return "failed"
            call.after(verb.seconds, self)
        else:
            prompts = (verb,)
            self._announcement = Announcement(call, call.primary, prompts, personal=personal)
        return None

    async def on_spoken(self, event: Spoken) -> None:
        if event.announcement is self._announcement:
            await self._call.proceed("done" if event.ok else "failed")

    async def on_elapsed(self, event: Elapsed) -> None:
        await self.abandon()
        await self._call.proceed("done")

    async def on_pressed(self, event: Pressed) -> None:
        """Nobody asked."""

    async def abandon(self) -> None:
        self._call.stop_timer(self)
        await self._call.silence(self._call.primary)
