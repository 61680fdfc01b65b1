"""The demo call: two phones place and take it, and judge what they hear and see on the wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringfence.entry.demo import chime
from ringfence.entry.demo.graph import ZIP
from ringfence.entry.demo.hearing import Ear, NotHeard, described, same_frames
from ringfence.entry.demo.narrator import Narrator
from ringfence.entry.demo.outcome import Outcome
from ringfence.entry.demo.setup import DESK
from ringfence.entry.phone import Call, CallFailed, Phone

CALLER_TONE, DESK_TONE = 700, 1200
_RINGBACK = (440, 480)
_TALK_SECONDS = 2.6
_SETTLE_SECONDS = 0.4
_KNOWN_SECONDS = 15.0


@dataclass
class Wire:
    """How long each leg lasted on the wire, in seconds, from 200 to BYE."""

    caller: float = 0.0
    desk: float = 0.0


class DemoCall:
    """One call. What is not reached is not checked, and so has failed."""

    def __init__(
        self,
        outcome: Outcome,
        narrator: Narrator,
        uri: str,
        publish: Callable[[], Awaitable[None]],
    ) -> None:
        """``publish`` is called during the talk."""
        self._check = outcome.check
        self._tell = narrator
        self._uri = uri
        self._publish = publish
        self.wire = Wire()

    async def reach(self, *phones: Phone) -> bool:
        """Whether the platform answers; new trunks reach it within seconds, until then it is
        silent."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _KNOWN_SECONDS
        for phone in phones:
            answer = None
            while (answer is None or answer.status != 200) and loop.time() < deadline:
                answer = await phone.options(self._uri, within=0.6)
            if answer is None or answer.status != 200:
                self._check("known", False, f"silence for {phone.user}")
                return False
        self._check("known", True, "200 to OPTIONS from both")
        return True

    async def talk(self, caller: Phone, desk: Phone) -> None:
        """From the INVITE to the BYE."""
        self._tell.restart()
        out = await caller.dial(self._uri, tone=0)
        self._tell.say("caller", f"dials {out.number}")
        taken: Call | None = None
        try:
            await self._answered(out)
            await self._menu(out)
            taken = await self._rings(out, desk)
            await self._whisper(out, taken)
            await self._notice(out, taken)
            await self._converse(out, taken)
        except (NotHeard, CallFailed, TimeoutError):
            pass  # noted where it happened; its record is asked for all the same
        await self._hang_up(out, taken)

    async def _answered(self, out: Call) -> None:
        try:
            await out.answered(within=10)
        except (CallFailed, TimeoutError) as error:
            self._check("answered", False, str(error) or "no answer in 10 s")
            raise
        self._check("answered", True, "200, acknowledged")

    async def _menu(self, out: Call) -> None:
        ear = Ear(out.audio)
        end = await self._speech(ear, "menu", 0, at_least=2.0)
        heard = ear.between(0, end)
        there = chime.HERTZ in heard.tones
        self._check("prompt", there, f"{chime.HERTZ} Hz {'sounds' if there else 'is missing'}")
        self._tell.say("caller", f"hears the menu ({ear.seconds(0, end):.1f} s), presses 1")
        out.audio.press("1")
        later = await self._speech(ear, "zip", end, at_least=0.8)
        self._tell.say(
            "caller", f"is asked for a ZIP code ({ear.seconds(end, later):.1f} s), enters {ZIP}"
        )
        out.audio.press(ZIP)

    async def _speech(self, ear: Ear, check: str, start: int, at_least: float) -> int:
        try:
            end = await ear.speech(start, at_least=at_least)
        except NotHeard as error:
            self._check(check, False, error)
            raise
        self._check(check, True, f"{ear.seconds(start, end):.1f} s of sound")
        return end

    async def _rings(self, out: Call, desk: Phone) -> Call:
        try:
            taken = await desk.incoming(within=12)
        except TimeoutError:
            self._check("rings", False, "no INVITE in 12 s")
            raise
        taken.ring()
        shown = (taken.number, taken.peer_number)
        right = shown == (DESK, out.phone.user)
        self._check("rings", right, f"{shown[0]} rings, {shown[1]} calls")
        self._tell.say("desk", f"rings: {taken.peer_number} calls")
        ear = Ear(out.audio)
        try:
            heard = await ear.tones(ear.place, *_RINGBACK)
        except NotHeard as error:
            self._check("ringback", False, error)
            raise
        self._check("ringback", True, described(heard))
        self._tell.say("caller", f"hears ringback ({described(heard)})")
        return taken

    async def _whisper(self, out: Call, taken: Call) -> None:
        at_caller, at_desk = Ear(out.audio), Ear(taken.audio)
        start = at_caller.place
        taken.answer(tone=0)
        await taken.acknowledged(within=5)
        self._tell.say("desk", "answers")
        end = await self._speech(at_desk, "whisper", 0, at_least=0.8)
        heard = await asyncio.to_thread(at_caller.between, start, at_caller.place)
        alone = heard.tones.keys() <= set(_RINGBACK)
        told = f"{at_desk.seconds(0, end):.1f} s at the desk; the caller heard {described(heard)}"
        self._check("whisper", alone, told)
        self._tell.say("desk", f"hears the whisper ({at_desk.seconds(0, end):.1f} s)")

    async def _notice(self, out: Call, taken: Call) -> None:
        caller, desk = Ear(out.audio), Ear(taken.audio)
        from_caller, from_desk = caller.place, desk.place
        end = await self._speech(desk, "notice", from_desk, at_least=0.8)
        at_caller, at_desk = caller.loud(from_caller), desk.loud(from_desk, end)
        same = same_frames(at_desk, at_caller)
        self._check(
            "notice", same > 0.9, f"{len(at_desk) * 0.02:.1f} s at the desk, {same:.0%} the same"
        )
        self._tell.say("desk", f"hears the recording notice ({len(at_desk) * 0.02:.1f} s)")
        self._tell.say("caller", f"hears it too ({same:.0%} the same)")

    async def _converse(self, out: Call, taken: Call) -> None:
        out.audio.tone, taken.audio.tone = CALLER_TONE, DESK_TONE
        self._tell.say("caller", f"talks ({CALLER_TONE} Hz), and so does the desk ({DESK_TONE} Hz)")
        await asyncio.sleep(_SETTLE_SECONDS)  # what is under way is still quiet
        ears = Ear(out.audio), Ear(taken.audio)
        starts = [ear.place for ear in ears]
        await self._publish()
        await asyncio.sleep(_TALK_SECONDS)  # the talk itself
        heard = [ear.between(at) for ear, at in zip(ears, starts, strict=True)]
        good = heard[0].only(DESK_TONE) and heard[1].only(CALLER_TONE)
        told = f"caller {described(heard[0])}, desk {described(heard[1])}"
        self._check("talk", good, told)
        lost = sum(one.lost for one in heard)
        self._check("media", not lost, f"{lost} lost at the phones")

    async def _hang_up(self, out: Call, taken: Call | None) -> None:
        if out.state == "ended":
            return
        if out.state != "answered":
            await out.cancel()
            return
        status = await out.hangup()
        self._tell.say("caller", "hangs up")
        self.wire.caller = _seconds(out, sent=False)
        if taken is None:
            return
        with contextlib.suppress(TimeoutError):
            await taken.ended(within=5)
        byes = len(taken.seen("BYE"))
        self._check("hangup", status == 200 and byes == 1, f"{status} to BYE; {byes} at the desk")
        if byes:
            self.wire.desk = _seconds(taken, sent=True)


def _seconds(call: Call, *, sent: bool) -> float:
    """From the 200 to the BYE, at one phone; ``sent``: by whom the 200 was."""
    answered = call.seen(200, sent=sent, cseq="INVITE")
    ended = call.seen("BYE", sent=not sent)
    return ended[0].at - answered[0].at if answered and ended else 0.0
