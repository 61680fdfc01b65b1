"""Random programs among random events: every call ends once, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.engine.calls.fakes import TENANT
from tests.unit.engine.calls.harness import CALLED, CALLER, PHONE_SDP, World
from tests.unit.engine.calls.peers import Dialogue, Peer, Sip
from tests.unit.engine.calls.test_programs import FLOW

from ringfence.engine.ports import (
    CallCommand,
    MediaEvent,
    OriginateRequest,
    RecordingPlan,
    RouteDecision,
)
from ringfence.engine.verbs.model import (
    Dial,
    DialTarget,
    Fetch,
    Gather,
    Hangup,
    Hold,
    Node,
    Pause,
    Play,
    Program,
    Prompt,
    Record,
    Reject,
    Say,
    SipTarget,
    Tag,
    TrunkTarget,
    Verb,
)
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import uuid7
from ringfence.platform.rpc import RpcError, RpcUnavailable

CALLS = 25
URL = "https://example.com/"
OUTCOMES = ("", "done", "failed", "timeout", "digits", "answered", "busy", "no_answer")


class Chaos:
    """Peers, media and a tenant who do whatever comes to mind."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.loop = asyncio.get_running_loop()
        self.over = False
        self.callers: dict[str, Dialogue] = {}
        self.offered: set[str] = set()
        self.told: dict[tuple[str, str], Callable[[], None]] = {}
        """What was said to a request that may come again."""
        self.answered: set[str] = set()
        world.caller.react = self.at_caller
        world.a.react = lambda message: self.at_target(world.a, message)
        world.b.react = lambda message: self.at_target(world.b, message)
        self._did = world.media._did
        world.media._did = self.media_did  # type: ignore[method-assign]
        plan = RecordingPlan(basis="x", prompt="file:/consent.wav")
        world.control.recording = plan if self.perhaps(0.5) else RecordingPlan(basis="y")
        world.control.later, world.control.message = plan, RecordingPlan(basis="m")

    def perhaps(self, chance: float) -> bool:
        return self.random.random() < chance

    def soon(self, do: Callable[..., object], *args: object, within: float = 0.25) -> None:
        self.loop.call_later(self.random.random() * within, do, *args)

    # --- programs -------------------------------------------------------------------------------

    def prompt(self) -> Prompt:
        made: tuple[Prompt, ...] = (Say("hi"), Say("{digits}"), Play("file:/x"), Pause(0.05))
        return self.random.choice(made)

    def target(self) -> DialTarget:
        trunks, number = self.world.trunks, f"+1555000{self.random.randrange(10_000):04}"
        return self.random.choice(
            (
                TrunkTarget(trunks["a"].id, number),
                TrunkTarget(trunks["b"].id, number),
                SipTarget(f"sip:x@{self.world.a.host}:{self.world.a.port}"),
                SipTarget("sip:nobody@127.0.0.9:9"),
            )
        )

    def verb(self) -> Verb:
        pick = self.random
        some = tuple(self.prompt() for _ in range(pick.randrange(3)))
        dial = Dial(
            tuple(self.target() for _ in range(pick.randrange(1, 4))),
            mode=pick.choice(("sequential", "parallel")),
            timeout_seconds=1,
            whisper=some if self.perhaps(0.4) else (),
            confirm="1" if self.perhaps(0.3) else "",
            confirm_seconds=0.2,
            music="file:/music",
            max_seconds=1 if self.perhaps(0.2) else None,
        )
        gather = Gather(some, max_digits=2, seconds=0.2, digit_seconds=0.1, save_as="zip")
        made: tuple[Verb, ...] = (
            *some, gather, *[dial] * 6, Record(max_seconds=1, beep=self.perhaps(0.5)),
            Hold("file:/music", 1), Tag("a", "b"), Fetch(URL), Reject(486), Hangup(),
        )  # fmt: skip
        return pick.choice(made)

    def program(self) -> Program:
        names = [str(n) for n in range(self.random.randrange(1, 6))]
        nodes = {
            name: Node(
                self.verb(),
                {o: self.random.choice(names) for o in OUTCOMES if self.perhaps(0.4)},
            )
            for name in names
        }
        return Program("0", nodes, FLOW, 1)

    # --- media ----------------------------------------------------------------------------------

    async def media_did(self, name: str, session: Any, *more: Any) -> None:
        await self._did(name, session, *more)
        if self.perhaps(0.3):
            await asyncio.sleep(self.random.random() * 0.03)
        if name == "play" and more[1] != "stop":
            number = self.world.media.plays.get(more[0])
            if number and self.perhaps(0.95):
                self.event(session, more[0], "play_done", {"play": number})
        if name != "delete" and not self.over and self.perhaps(0.01):
            problems: tuple[RingfenceError, ...] = (
                *[RpcError("no_common_codec", "")] * 4, RpcUnavailable(""),
            )  # fmt: skip
            raise self.random.choice(problems)

    def event(self, session: Any, leg: Any, kind: Any, data: dict[str, Any]) -> None:
        made = MediaEvent(session, leg, kind, data)
        self.soon(self.world.manager.on_media_event, made, within=0.1)

    # --- peers ----------------------------------------------------------------------------------

    def at_caller(self, message: Sip) -> None:
        uac = self.callers.get(message["Call-ID"])
        if message.kind == "BYE":
            self.world.caller.respond(message, 200)
        elif uac is None or not message.kind.endswith(" INVITE"):
            return
        elif message.start.split()[1][0] == "2":
            if not self.over and self.perhaps(0.02):
                return
            late = uac.call_id in self.offered and message.cseq == 1
            uac.ack(message, sdp=PHONE_SDP if late or not message.body else "")
            self.answered.add(uac.call_id)
        elif message.start.split()[1][0] in "456":
            self.world.caller.send(self._ack_of(message))

    def _ack_of(self, refusal: Sip) -> str:
        uac = self.callers[refusal["Call-ID"]]
        return (
            f"ACK {uac.target} SIP/2.0\r\nVia: {refusal['Via']}\r\nMax-Forwards: 70\r\n"
            f"From: {refusal['From']}\r\nTo: {refusal['To']}\r\nCall-ID: {uac.call_id}\r\n"
            f"CSeq: {refusal.cseq} ACK\r\nContent-Length: 0\r\n\r\n"
        )

    def at_target(self, peer: Peer, message: Sip) -> None:
        key = (message["Call-ID"], message["CSeq"])
        if key in self.told:
            self.told[key]()
        elif message.kind == "BYE":
            peer.respond(message, 200)
        elif message.kind == "CANCEL":
            peer.respond(message, 200)
            invite = (message["Call-ID"], f"{message.cseq} INVITE")
            self.soon(self.told.get((invite[0], "give up"), lambda: None), within=0.02)
        elif message.kind == "INVITE":
            self.told[key] = lambda: None
            self._ring(peer, message, key)
        elif message.kind == "200 INVITE":
            uas = self.callers.get(message["Call-ID"])
            if uas is not None:
                uas.ack(message, sdp="" if uas.call_id in self.offered else PHONE_SDP)

    def _ring(self, peer: Peer, invite: Sip, key: tuple[str, str]) -> None:
        final: list[int] = []

        def say(status: int, sdp: str = "") -> None:
            if final:
                return
            if status >= 200:
                final.append(status)
                self.told[key] = lambda: peer.respond(invite, status, sdp=sdp)
            peer.respond(invite, status, sdp=sdp)
            if status == 200:
                uas = self.callers[invite["Call-ID"]] = peer.dialog(invite)
                self.answered.add(uas.call_id)
                if self.perhaps(0.4):
                    self.soon(self.bye, uas, within=0.02 if self.perhaps(0.3) else 0.8)

        self.told[key[0], "give up"] = lambda: say(487)
        if self.perhaps(0.6):
            self.soon(say, 180, within=0.05)
        if self.perhaps(0.3):
            self.soon(say, 183, PHONE_SDP, within=0.05)
        end = self.random.random()
        if end < 0.7:
            self.soon(say, 200, PHONE_SDP, within=0.4)
        elif end < 0.72:
            self.soon(say, 200)
        elif end < 0.85:
            self.soon(say, self.random.choice((404, 480, 486, 503, 603)))

    def bye(self, who: Dialogue) -> None:
        if who.call_id in self.answered:
            self.answered.discard(who.call_id)
            who.request("BYE")

    def call_in(self) -> None:
        uac = self.world.uac()
        self.callers[uac.call_id] = uac
        late = self.perhaps(0.2)
        if late:
            self.offered.add(uac.call_id)
        uac.request("INVITE", sdp="" if late else PHONE_SDP)
        if self.perhaps(0.2):
            self.soon(self.cancel, uac, uac.branch, within=0.8)

    def cancel(self, uac: Dialogue, branch: str) -> None:
        if uac.call_id not in self.answered and uac.cseq == 1:
            uac.request("CANCEL", cseq=1, branch=branch)

    # --- anything -------------------------------------------------------------------------------

    async def originate(self) -> None:
        target = self.target()
        self.world.control.placed = RouteDecision(TENANT, None, self.program(), first=target)
        request = OriginateRequest(
            TENANT, uuid7(self.world.clock), CALLED, CALLER, FLOW, timeout_seconds=1
        )
        await self._tolerant(self.world.manager.originate(request))

    async def _tolerant(self, work: Any) -> None:
        try:
            async with asyncio.timeout(20):
                await work
        except RingfenceError:
            return

    async def something(self) -> None:
        world, pick = self.world, self.random
        world.control.flow = self.program()
        programs: Any = world.control.programs
        programs[URL] = programs[FLOW.hex] = self.program()
        calls = list(world.manager.calls.values())
        if not calls:
            return
        call = pick.choice(calls)
        legs = [leg for leg in call.legs if leg.answered] or call.legs
        leg = pick.choice(legs) if legs else None
        what = pick.random()
        if what < 0.08:
            action: Any = pick.choice(
                ("redirect", "redirect", "redirect", "hang_up", "pause_recording",
                 "resume_recording", "stop_recording")
            )  # fmt: skip
            flow = FLOW if action == "redirect" else None
            await self._tolerant(world.manager.command(CallCommand(TENANT, call.id, action, flow)))
        elif what < 0.5 and leg is not None:
            self.event(call.id, leg.id, "dtmf", {"digit": pick.choice("12#"), "duration_ms": 9})
        elif what < 0.56 and world.media.tracks:
            track, request = pick.choice(list(world.media.tracks.items()))
            kind, data = pick.choice(
                (("track_failed", {}), ("quiet", {"spoken": True}), ("quiet", {"spoken": False}))
            )
            self.event(request.session, request.leg, kind, {"track": track.hex, **data})
        elif 0.56 <= what < 0.57:
            world.manager.on_media_lost({call.id})
        elif what < 0.8 and self.answered:
            who = self.callers[pick.choice(sorted(self.answered))]
            held = "a=sendonly\r\n" if self.perhaps(0.5) else ""
            who.request("INVITE", sdp=PHONE_SDP + held if self.perhaps(0.8) else "")
        elif what < 0.9 and self.answered:
            self.bye(self.callers[pick.choice(sorted(self.answered))])


@pytest.mark.parametrize("seed", range(3))
async def test_anything_at_any_time(world: World, seed: int) -> None:
    chaos = Chaos(world, seed)
    work: list[asyncio.Task[None]] = []
    for _ in range(CALLS):
        work.append(asyncio.ensure_future(chaos.something()))
        if chaos.perhaps(0.7):
            chaos.call_in()
        else:
            work.append(asyncio.ensure_future(chaos.originate()))
        for _ in range(5):
            await asyncio.sleep(0.02)
            work.append(asyncio.ensure_future(chaos.something()))
    await asyncio.sleep(0.5)
    chaos.over = True
    await world.manager.drain(0)
    for error in await asyncio.gather(*work, return_exceptions=True):
        assert error is None, repr(error)
    bad = [text for text in world.errors.records if "Traceback" in text]
    assert not bad, bad[0]
    world.errors.records.clear()
    await world.settled()
    story = await world.story()
    assert len(story) >= CALLS // 2
    for events in story.values():
        names = [event.kind for event in events]
        assert names.count("call.answered") <= 1
        assert names.count("verb.started") - names.count("verb.ended") >= 0
        assert names.count("recording.started") == names.count("recording.completed")
