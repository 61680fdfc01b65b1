"""Gather: digits from the primary leg, also while it is being spoken to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ringfence.engine.calls.announcement import Announcement
from ringfence.engine.calls.events import Elapsed, Pressed, Spoken
from ringfence.engine.calls.states import State
from ringfence.engine.verbs.model import Gather, Prompt

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_MIN_SECONDS = 0.2


class Gathering:
    def __init__(self, call: Call, verb: Gather, *, personal: bool) -> None:
        self._call = call
        self._verb = verb
        self._personal = personal
        self._digits = ""
        self._asked = 0
        self._announcement: Announcement | None = None

    async def start(self) -> None:
        self._call.state, self._call.doing = State.GATHERING, self
        self._ask(self._verb.prompts)

    def _ask(self, prompts: Sequence[Prompt]) -> None:
        self._digits = ""
        self._asked += 1
        if prompts:
            call = self._call
            self._announcement = Announcement(call, call.primary, prompts, personal=self._personal)
        else:
            self._wait(self._verb.seconds)

    def _wait(self, seconds: float) -> None:
        self._call.after(max(seconds, _MIN_SECONDS), self)

    async def on_spoken(self, event: Spoken) -> None:
        """Also a prompt that could not be played is waited upon: who knows the menu may press."""
        if event.announcement is self._announcement:
            self._announcement = None
            self._wait(self._verb.seconds)

    async def on_pressed(self, event: Pressed) -> None:
        verb = self._verb
        self._call.stop_timer(self)
        if self._announcement is not None:
            await self._announcement.stop()
            self._announcement = None
        if event.digit == verb.finish_key:
            await self._complete()
            return
        self._digits += event.digit
        if self._is_complete():
            await self._complete()
        else:
            self._wait(verb.digit_seconds)

    async def on_elapsed(self, event: Elapsed) -> None:
        await self._complete()

    def _is_complete(self) -> bool:
        digits, choices = self._digits, self._verb.choices
        if choices:
            return not any(c != digits and c.startswith(digits) for c in choices)
        return len(digits) >= self._verb.max_digits

    async def _complete(self) -> None:
        verb, call, digits = self._verb, self._call, self._digits
        valid = digits in verb.choices if verb.choices else len(digits) >= max(verb.min_digits, 1)
        if digits and valid:
            assert call.interpreter is not None
            call.interpreter.gathered(digits, verb.save_as)
            call.parameters = {"Digits": digits}
            if verb.save_as:
                await call.record.capture(verb.save_as, digits)
            await call.proceed(f"digits:{digits}" if verb.choices else "digits")
        elif self._asked <= verb.retries:
            self._ask((*(verb.invalid_prompts if digits else ()), *verb.prompts))
        else:
            call.parameters = {"Digits": digits}
            await call.proceed("invalid" if digits else "timeout")

    async def abandon(self) -> None:
        self._call.stop_timer(self)
