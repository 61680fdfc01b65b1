"""Requests inside a dialog: hold, resume, glare, order, and methods nobody knows."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.engine.calls.harness import PHONE_SDP, T1, World, kinds, until
from tests.unit.engine.calls.peers import Dialogue

from ringfence.platform.rpc import RpcError

HOLD = PHONE_SDP + "a=sendonly\r\n"


async def reoffer(who: Dialogue, sdp: str) -> None:
    who.request("INVITE", sdp=sdp)
    answer = await who.peer.expect("200 INVITE")
    assert "s=engine" in answer.body
    who.ack(answer, sdp="" if sdp else PHONE_SDP)


async def over(world: World, uac: Dialogue) -> None:
    await world.hangs_up(uac)
    await world.gets_bye(world.a)


@pytest.mark.parametrize("side", ["caller", "callee"])
async def test_hold_and_resume(world: World, side: str) -> None:
    uac, uas = await world.bridged()
    who = uac if side == "caller" else uas
    for sdp in (HOLD, HOLD, PHONE_SDP, "v=0\r\nc=IN IP4 0.0.0.0\r\n", PHONE_SDP):
        await reoffer(who, sdp)
        await until(lambda: all(leg._pending_ack is None for leg in world.call().legs))
    await over(world, uac)
    events = await world.ended("caller_hangup", by="caller")
    changes = [e for e in events if e.kind in ("leg.held", "leg.resumed")]
    assert kinds(changes) == ["leg.held", "leg.resumed"] * 2
    assert len({e.data["leg"] for e in changes}) == 1


async def test_both_sides_reoffer_at_once(world: World) -> None:
    """Each leg is its own dialog: no glare."""
    uac, uas = await world.bridged()
    await asyncio.gather(reoffer(uac, HOLD), reoffer(uas, HOLD))
    await over(world, uac)
    await world.ended("caller_hangup", by="caller")


async def test_reinvite_during_a_pending_one(world: World) -> None:
    uac, _ = await world.bridged()
    wait = world.media.wait["answer offer"] = asyncio.Event()
    uac.request("INVITE", sdp=HOLD)
    uac.request("INVITE", sdp=PHONE_SDP)
    refusal = await world.caller.expect("500 INVITE")
    assert 0 <= int(refusal["Retry-After"]) < 10
    uac.ack_failure(refusal)
    wait.set()
    uac.ack(await world.caller.expect("200 INVITE"))
    await over(world, uac)
    await world.ended("caller_hangup", by="caller")


async def test_reinvite_without_sdp(world: World) -> None:
    uac, uas = await world.bridged()
    await reoffer(uas, "")
    await until(lambda: world.media.count("answer answer") == 2)
    await over(world, uac)
    await world.ended("caller_hangup", by="caller")


@pytest.mark.parametrize("code", ["no_common_codec", "sdp_invalid"])
async def test_refused_reinvite_leaves_the_call_as_it_was(world: World, code: str) -> None:
    uac, _ = await world.bridged()
    world.media.fail["answer offer"] = RpcError(code, "no")
    uac.request("INVITE", sdp=HOLD)
    uac.ack_failure(await world.caller.expect("488 INVITE"))
    del world.media.fail["answer offer"]
    await reoffer(uac, PHONE_SDP)
    await over(world, uac)
    events = await world.ended("caller_hangup", by="caller")
    assert "leg.held" not in kinds(events)


@pytest.mark.parametrize("side", ["caller", "callee"])
async def test_reinvite_answer_never_acknowledged_ends_the_call(world: World, side: str) -> None:
    uac, uas = await world.bridged()
    who = uac if side == "caller" else uas
    who.request("INVITE", sdp=HOLD)
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await world.ended("ack_missing", by="system")


@pytest.mark.parametrize("own", [True, False])
async def test_bye_overtakes_a_pending_reinvite(world: World, own: bool) -> None:
    """Of the same side, or of the other."""
    uac, uas = await world.bridged()
    wait = world.media.wait["answer offer"] = asyncio.Event()
    uac.request("INVITE", sdp=HOLD)
    await until(lambda: world.media.count("answer offer") == 2)
    who, other = (uac, world.a) if own else (uas, world.caller)
    await world.hangs_up(who)
    if own:
        uac.ack_failure(await world.caller.expect("487 INVITE"))
    wait.set()
    if not own:
        uac.ack(await world.caller.expect("200 INVITE"))
    await world.gets_bye(other)
    await world.settled()
    assert len(await world.story()) == 1


@pytest.mark.parametrize("contact", ["<urn:nobody>", "<sip:>", "garbage <"])
async def test_reinvite_with_an_unusable_contact(world: World, contact: str) -> None:
    uac, uas = await world.bridged()
    uac.request("INVITE", sdp=HOLD, contact=contact)
    refusal = await world.caller.expect("416 INVITE" if "urn" in contact else "400 INVITE")
    uac.ack_failure(refusal)
    await world.hangs_up(uas)
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


async def test_bye_out_of_order(world: World) -> None:
    uac, _ = await world.bridged()
    uac.request("OPTIONS", cseq=50)
    await world.caller.expect("200 OPTIONS")
    uac.request("BYE", cseq=49)
    await world.caller.expect("500 BYE")
    assert world.call().state.name == "BRIDGED"
    uac.request("BYE", cseq=51)
    await world.caller.expect("200 BYE")
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "REFER", "MESSAGE", "NOTIFY", "PRACK", "X"])
async def test_methods_we_do_not_speak(world: World, method: str) -> None:
    uac, uas = await world.bridged()
    uas.request(method)
    refusal = await world.a.expect(f"405 {method}")
    assert "BYE" in refusal["Allow"]
    await over(world, uac)
    await world.ended("caller_hangup", by="caller")


async def test_wrong_tags_are_another_dialog(world: World) -> None:
    uac, _ = await world.bridged()
    forged = Dialogue(
        world.caller, call_id=uac.call_id, local="<sip:evil@127.0.0.2>;tag=evil",
        remote=uac.remote, target=uac.target, cseq=50,
    )  # fmt: skip
    forged.request("BYE")
    await world.caller.expect("481 BYE")
    assert world.call().state.name == "BRIDGED"
    await over(world, uac)
    await world.ended("caller_hangup", by="caller")


async def test_new_contact_is_where_the_bye_goes(world: World) -> None:
    moved = await world.udp("127.0.0.2")
    uac, uas = await world.bridged()
    uac.request("INVITE", sdp=PHONE_SDP, contact=f"<sip:x@{moved.host}:{moved.port}>")
    uac.ack(await world.caller.expect("200 INVITE"))
    await asyncio.sleep(2 * T1)
    await world.hangs_up(uas)
    await world.gets_bye(moved)
    await world.ended("callee_hangup", by="callee")


@pytest.mark.parametrize(
    "contact", ["<tel:+15550001>", "<sip:x@127.0.0.3:5061;transport=tls>", "<sip:x@0.0.0.0>"]
)
async def test_bye_reaches_a_peer_whose_contact_cannot_be_used(world: World, contact: str) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP, contact=contact)
    await world.a.expect("ACK")
    uac.ack(await world.caller.expect("200 INVITE"))
    await over(world, uac)
    await world.ended("caller_hangup", by="caller")
