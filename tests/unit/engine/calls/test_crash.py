"""A run that died without a word: the next takes its calls off the wire and closes them once."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.engine.calls.harness import PHONE_SDP, World, kinds
from tests.unit.engine.calls.peers import Peer


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_conversation(world: World, transport: str) -> None:
    caller: Peer = world.caller
    if transport == "tcp":
        stream = caller = await world.tcp("127.0.0.2")
        await stream.connect()
    uac, _ = await world.bridged(caller)
    await world.crash()
    bye = await world.gets_bye(caller)
    assert bye["Call-ID"] == uac.call_id
    await world.gets_bye(world.a)
    events = await world.ended("engine_crash", by="system")
    assert kinds(events)[-4:] == ["leg.bridged", "leg.ended", "leg.ended", "call.ended"]


async def test_pending_caller_and_pending_target(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    await world.crash()
    refusal = await world.caller.expect("503 INVITE")
    assert refusal.branch == uac.branch
    assert refusal["CSeq"] == "1 INVITE"
    assert refusal.to_tag
    cancel = await world.a.expect("CANCEL")
    assert (cancel.branch, cancel["CSeq"]) == (invite.branch, "1 CANCEL")
    world.a.respond(cancel, 200)
    world.a.respond(invite, 487)
    await world.ended("engine_crash", by="system", status=503)


async def test_the_answer_crosses_the_cancel_of_the_next_run(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    await world.crash()
    cancel = await world.a.expect("CANCEL")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    world.a.respond(cancel, 481)
    await world.a.expect("ACK")
    await world.gets_bye(world.a)
    await world.ended("engine_crash", by="system", status=503)


async def test_crash_while_the_answer_is_leaving(world: World) -> None:
    """On disk, perhaps never sent: the caller gets both words, one of them fits."""
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    durable, never = world.journal.writer.durable, asyncio.Event()

    async def stuck() -> None:
        await durable()
        world.journal.writer.durable = durable  # type: ignore[method-assign]
        never.set()
        await asyncio.Event().wait()

    world.journal.writer.durable = stuck  # type: ignore[method-assign]
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await never.wait()
    await world.crash()
    assert (await world.caller.expect("503 INVITE"))["CSeq"] == "1 INVITE"
    await world.gets_bye(world.caller, 481)
    await world.gets_bye(world.a)
    events = await world.ended("engine_crash", by="system")
    assert "call.answered" in kinds(events)


async def test_crash_during_routing(world: World) -> None:
    world.control.wait = asyncio.Event()
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    await world.caller.expect("100 INVITE")
    await world.crash()
    await world.caller.expect("503 INVITE")
    await world.settled()
    assert not await world.story()


async def test_second_crash_right_after_the_first(world: World) -> None:
    await world.bridged()
    await world.crash()
    await world.crash()
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await world.ended("engine_crash", by="system")


async def test_peers_that_have_gone(world: World) -> None:
    await world.bridged()
    world.caller.close()
    await world.crash()
    await world.a.expect("BYE")
    await world.ended("engine_crash", by="system")
    await world.crash()
    assert not world.pending


async def test_a_name_in_latin_1(world: World) -> None:
    """A display name that is no UTF-8 is journaled all the same, and found again on the wire."""
    uac = world.uac(name='"Jos\udce9" ')
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    answer = await world.caller.expect("200 INVITE")
    assert "Jos\udce9" in answer["From"]
    uac.ack(answer)
    await asyncio.sleep(0.05)
    await world.crash()
    await world.gets_bye(world.caller)
    await world.gets_bye(world.a)
    await world.ended("engine_crash", by="system")
