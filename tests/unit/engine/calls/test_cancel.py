"""CANCEL and what it races with (RFC 3261 9)."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.engine.calls.harness import PHONE_SDP, T1, World, kinds
from tests.unit.engine.calls.peers import Dialogue

from ringfence.platform.rpc import RpcUnavailable


async def cancelled(world: World, uac: Dialogue) -> None:
    await world.caller.expect("200 CANCEL")
    uac.ack_failure(await world.caller.expect("487 INVITE"))


async def test_before_routing_has_finished(world: World) -> None:
    world.control.wait = asyncio.Event()
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    await world.caller.expect("100 INVITE")
    uac.cancel()
    await world.caller.expect("200 CANCEL")
    world.control.wait.set()
    uac.ack_failure(await world.caller.expect("487 INVITE"))
    events = await world.ended("caller_cancel", by="caller", status=487)
    assert not world.a.seen
    assert kinds(events).count("leg.created") == 1


async def test_while_control_fails_to_answer(world: World) -> None:
    world.control.wait, world.control.error = asyncio.Event(), RpcUnavailable("dead")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    await world.caller.expect("100 INVITE")
    uac.cancel()
    await world.caller.expect("200 CANCEL")
    world.control.wait.set()
    uac.ack_failure(await world.caller.expect("487 INVITE"))
    await world.ended("caller_cancel", by="caller", status=487)


@pytest.mark.parametrize("step", ["answer offer", "offer"])
async def test_while_media_is_slow(world: World, step: str) -> None:
    """Nobody is rung for a caller who has gone."""
    world.media.wait[step] = asyncio.Event()
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    await world.caller.expect("100 INVITE")
    while not world.media.count(step):
        await asyncio.sleep(0.001)
    uac.cancel()
    await world.caller.expect("200 CANCEL")
    world.media.wait[step].set()
    uac.ack_failure(await world.caller.expect("487 INVITE"))
    await world.ended("caller_cancel", by="caller", status=487)
    assert not world.a.seen


async def test_while_ringing(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    uac.cancel()
    cancel = await world.a.expect("CANCEL")
    assert (cancel.branch, cancel.cseq) == (invite.branch, invite.cseq)
    world.a.respond(cancel, 200)
    world.a.respond(invite, 487)
    assert (await world.a.expect("ACK")).branch == invite.branch
    await cancelled(world, uac)
    await world.ended("caller_cancel", by="caller", status=487)


async def test_waits_for_the_first_provisional(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    uac.cancel()
    await cancelled(world, uac)
    await asyncio.sleep(3 * T1)
    assert not world.a.count("CANCEL")
    world.a.respond(invite, 100)
    world.a.respond(await world.a.expect("CANCEL"), 200)
    world.a.respond(invite, 487)
    await world.a.expect("ACK")
    await world.ended("caller_cancel", by="caller", status=487)


async def test_target_that_never_says_anything(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    await world.a.expect("INVITE")
    uac.cancel()
    await cancelled(world, uac)
    await world.ended("caller_cancel", by="caller", status=487)
    assert not world.a.count("CANCEL")


async def test_target_that_ignores_cancel_and_answers_much_later(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    uac.cancel()
    await cancelled(world, uac)
    await world.ended("caller_cancel", by="caller", status=487)
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    await world.gets_bye(world.a)
    await world.settled()


async def test_target_answers_before_our_cancel_reaches_it(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    uac.cancel()
    cancel = await world.a.expect("CANCEL")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    world.a.respond(cancel, 481)
    await world.gets_bye(world.a)
    await cancelled(world, uac)
    events = await world.ended("caller_cancel", by="caller", status=487)
    assert "call.answered" not in kinds(events)


async def test_cancel_arrives_while_the_answer_is_made_durable(world: World) -> None:
    """The answer was first on its way: the caller gets 200 and ends what it did not want."""
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    durable, gate, entered = world.journal.writer.durable, asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        entered.set()
        await gate.wait()
        await durable()

    world.journal.writer.durable = slow  # type: ignore[method-assign]
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await entered.wait()
    assert not world.caller.count("200 INVITE"), "durable before the 200 leaves"
    uac.cancel()
    await world.caller.expect("200 CANCEL")
    gate.set()
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_cancel_arrives_while_media_takes_the_answer(world: World) -> None:
    world.media.wait["answer answer"] = asyncio.Event()
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    uac.cancel()
    await world.caller.expect("200 CANCEL")
    world.media.wait["answer answer"].set()
    uac.ack_failure(await world.caller.expect("487 INVITE"))
    await world.gets_bye(world.a)
    await world.ended("caller_cancel", by="caller", status=487)


async def test_early_bye_is_a_cancel(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    branch = uac.branch
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    ringing = await world.caller.expect("180 INVITE")
    uac.answered(ringing)
    await world.hangs_up(uac)
    refusal = await world.caller.expect("487 INVITE")
    assert refusal.branch == branch
    uac.ack_failure(refusal)
    world.a.respond(await world.a.expect("CANCEL"), 200)
    world.a.respond(invite, 487)
    await world.ended("caller_cancel", by="caller", status=487)


async def test_bye_of_a_target_that_has_not_answered(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    world.a.dialog(invite).request("BYE")
    await world.a.expect("481 BYE")
    world.a.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


async def test_cancel_of_nothing(world: World) -> None:
    uac = world.uac()
    uac.cseq, uac.branch = 1, "z9hG4bKnothing"
    uac.cancel()
    await world.caller.expect("481 CANCEL")
    stranger = await world.udp("127.0.0.9")
    uac = world.uac(stranger)
    uac.cseq, uac.branch = 1, "z9hG4bKnothing2"
    uac.cancel()
    await world.settled()
    assert not stranger.seen


async def test_cancel_after_the_answer_changes_nothing(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    branch = uac.branch
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    answer = await world.caller.expect("200 INVITE")
    uac.branch = branch
    uac.cancel()
    await world.caller.expect("200 CANCEL")
    uac.ack(answer)
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_late_answer_of_a_target_given_up_while_another_is_talking(world: World) -> None:
    """Its BYE must not end the call of the one who answered."""
    world.dial("a", "b", timeout=1)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first = await world.a.expect("INVITE")
    world.a.respond(first, 100)
    await world.a.expect("CANCEL")
    world.b.respond(await world.b.expect("INVITE"), 200, sdp=PHONE_SDP)
    uac.ack(await world.caller.expect("200 INVITE"))
    world.a.respond(first, 200, sdp=PHONE_SDP)
    await world.a.expect("BYE")
    await world.hangs_up(world.a.dialog(first))
    world.a.respond([m for m in world.a.seen if m.kind == "BYE"][-1], 200)
    await asyncio.sleep(5 * T1)
    assert world.call().state.name == "BRIDGED"
    assert not world.caller.count("BYE")
    await world.hangs_up(uac)
    await world.gets_bye(world.b)
    await world.ended("caller_hangup", by="caller")
