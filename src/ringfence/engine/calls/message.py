"""Record: the caller leaves a message after the beep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.engine.calls.announcement import Announcement
from ringfence.engine.calls.events import Elapsed, Pressed, Quiet, Recorded, Spoken
from ringfence.engine.calls.recording import Recording
from ringfence.engine.calls.states import State
from ringfence.engine.verbs.model import Play, Record
from ringfence.kernel.ids import Prefix, public_id

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call


class TakingMessage:
    def __init__(self, call: Call, verb: Record) -> None:
        self._call = call
        self._verb = verb
        self._beep: Announcement | None = None

    async def start(self) -> str | None:
        call = self._call
        if call.message_plan is None:
            return "failed"
        call.state, call.doing = State.TAKING, self
        if self._verb.beep and not call.message_plan.refused:
            self._beep = Announcement(call, call.primary, (Play("beep"),))
        else:
            self._record()
        return None

    def _record(self) -> None:
        call = self._call
        plan = call.message_plan
        assert plan is not None
        call.recording = Recording(
            call,
            plan,
            (call.primary,),
            quiet_seconds=self._verb.silence_seconds,
        )
        call.recording.begin()

    async def on_spoken(self, event: Spoken) -> None:
        if event.announcement is not self._beep:
            return
        if self._call.message_plan is None:  # barred while the beep sounded
            await self.abandon()
            await self._call.proceed("failed")
        else:
            self._record()

    async def on_recorded(self, event: Recorded) -> None:
        if not event.began:
            await self.abandon()
            await self._call.proceed("failed")
        else:
            self._call.after(self._verb.max_seconds, self)

    async def on_pressed(self, event: Pressed) -> None:
        if event.digit in self._verb.finish_key and self._call.recording is not None:
            await self._finish("done", event.digit)

    async def on_quiet(self, event: Quiet) -> None:
        await self._finish("done" if event.spoken else "empty")

    async def on_elapsed(self, event: Elapsed) -> None:
        await self._finish("done")

    async def _finish(self, outcome: str, key: str = "") -> None:
        call, recording = self._call, self._call.recording
        await self.abandon()
        if recording is not None:
            call.parameters = {
                "RecordingSid": public_id(Prefix.RECORDING, recording.id),
                "RecordingDuration": str(recording.seconds),
                "Digits": key or "hangup",
            }
        await call.proceed(outcome)

    async def abandon(self) -> None:
        self._call.stop_timer(self)
        recording, self._call.recording = self._call.recording, None
        if recording is not None:
            await recording.finish()
