"""Calls that are answered, refused, unanswered or given up."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.engine.calls.harness import PHONE_SDP, World, kinds, until

from ringfence.engine.verbs.model import Reject


async def test_answered_and_ended_by_the_caller(world: World) -> None:
    uac, _ = await world.bridged()
    await world.hangs_up(uac)
    bye = await world.gets_bye(world.a)
    assert "cause=16" in bye["Reason"]
    events = await world.ended("caller_hangup", by="caller")
    assert kinds(events) == [
        "call.started", "leg.created", "call.routed", "leg.created", "leg.progress",
        "leg.answered", "leg.answered", "call.answered", "leg.bridged",
        "leg.ended", "leg.ended", "call.ended",
    ]  # fmt: skip


async def test_answered_and_ended_by_the_callee(world: World) -> None:
    _, uas = await world.bridged()
    await world.hangs_up(uas)
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


async def test_both_hang_up_at_once(world: World) -> None:
    uac, uas = await world.bridged()
    uac.request("BYE")
    uas.request("BYE")
    for peer in (world.caller, world.a):
        await peer.expect("200 BYE")
    for peer in (world.caller, world.a):
        for message in [m for m in peer.seen if m.kind == "BYE"]:
            peer.respond(message, 200)
    await world.settled()
    (events,) = (await world.story()).values()
    assert events[-1].data["reason"] in ("caller_hangup", "callee_hangup")


async def test_early_media_then_answer_without_new_sdp(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    assert "s=engine" in invite.body
    world.a.respond(invite, 183, sdp=PHONE_SDP)
    assert "s=engine" in (await world.caller.expect("183 INVITE")).body
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.a.expect("ACK")
    assert world.media.count("connect") == 1
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_delayed_offer(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE")
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    ok = await world.caller.expect("200 INVITE")
    assert "s=engine" in ok.body
    uac.ack(ok, sdp="v=0\r\ns=late\r\n")
    await until(lambda: any(b"s=late" in item[3] for item in world.media.asked if len(item) == 5))
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_delayed_offer_without_answer_in_the_ack(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE")
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.gets_bye(world.caller)
    await world.gets_bye(world.a)
    await world.ended("failed", by="system")


@pytest.mark.parametrize(
    ("status", "told", "reason"),
    [
        (486, 486, "busy"),
        (603, 603, "rejected"),
        (404, 404, "unreachable"),
        (503, 503, "unreachable"),
    ],
)
async def test_refused(world: World, status: int, told: int, reason: str) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), status)
    await world.a.expect("ACK")
    uac.ack_failure(await world.caller.expect(f"{told} INVITE"))
    await world.ended(reason, by="callee", status=told)


@pytest.mark.parametrize("status", [500, 503, 403])
async def test_failover_to_a_second_trunk(world: World, status: int) -> None:
    world.dial("a", "b")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), status)
    world.b.respond(await world.b.expect("INVITE"), 200, sdp=PHONE_SDP)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.b)
    events = await world.ended("caller_hangup", by="caller")
    assert kinds(events).count("leg.created") == 3


@pytest.mark.parametrize("status", [486, 603])
async def test_a_refusing_number_is_not_tried_over_another_trunk(world: World, status: int) -> None:
    world.dial("a", "b")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), status)
    uac.ack_failure(await world.caller.expect(f"{status} INVITE"))
    await world.ended("busy" if status == 486 else "rejected", by="callee", status=status)
    assert not world.b.seen


async def test_silent_target_times_out(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("504 INVITE"))
    assert world.a.count("INVITE") == 7
    await world.ended("unreachable", by="callee", status=504)


async def test_icmp_fails_over_at_once(world: World) -> None:
    world.dial("a", "b")
    world.a.close()
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.b.expect("INVITE", 20 * 0.02)
    world.b.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


async def test_tcp_target_that_does_not_listen(world: World) -> None:
    world.trunk("c", 4, peer_host="127.0.0.5", peer_port=9, peer_transport="tcp")
    world.dial("c", "b")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.b.respond(await world.b.expect("INVITE"), 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


async def test_ring_timeout(world: World) -> None:
    world.dial("a", "b", timeout=1)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    cancel = await world.a.expect("CANCEL")
    assert cancel.branch == invite.branch
    world.a.respond(cancel, 200)
    world.a.respond(invite, 487)
    await world.a.expect("ACK")
    uac.ack_failure(await world.caller.expect("480 INVITE"))
    assert not world.b.seen, "it rang: the number does not answer, whatever the trunk"
    await world.ended("no_answer", by="callee", status=480)


async def test_a_target_that_never_answered_anything_fails_over(world: World) -> None:
    """A dead carrier must not look like a phone that nobody picks up."""
    world.dial("a", "b", timeout=1)
    uac = world.uac()  # one second to ring, and Timer B only after 1.28: as with the defaults
    uac.request("INVITE", sdp=PHONE_SDP)
    world.b.respond(await world.b.expect("INVITE"), 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)
    assert not world.a.count("CANCEL")


async def test_rejected_by_the_flow(world: World) -> None:
    world.control.verbs = (Reject(404),)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    refusal = await world.caller.expect("404 INVITE")
    uac.ack_failure(refusal)
    assert "cause=1" in refusal["Reason"]
    await world.ended("unroutable", by="system", status=404)
    assert world.media.asked == [("delete", world.media.asked[0][1], None)]


async def test_retransmitted_requests_change_nothing(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first = uac.branch
    for _ in range(3):
        uac.request("INVITE", sdp=PHONE_SDP, cseq=1, branch=first)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    answer = await world.caller.expect("200 INVITE")
    await world.caller.expect("200 INVITE")
    uac.ack(answer)
    uac.request("BYE")
    for _ in range(3):
        uac.request("BYE", cseq=uac.cseq, branch=uac.branch)
    await world.gets_bye(world.a)
    await until(lambda: world.caller.count("200 BYE") >= 4)
    await world.ended("caller_hangup", by="caller")
    assert len(world.control.asked) == 1


async def test_repeated_answers_get_an_ack_each(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    for _ in range(4):
        world.a.respond(invite, 200, sdp=PHONE_SDP)
    await until(lambda: world.a.count("ACK") == 4)
    assert len({m.text for m in world.a.seen if m.kind == "ACK"}) == 1
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_a_second_fork_is_acknowledged_and_hung_up(world: World) -> None:
    uac, uas = world.uac(), None
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    uac.ack(await world.caller.expect("200 INVITE"))
    world.a.respond(invite, 200, sdp=PHONE_SDP, tag="fork")
    assert (await world.a.expect("ACK")).to_tag == "fork"
    assert (await world.gets_bye(world.a)).to_tag == "fork"
    fork = world.a.dialog(invite, tag="fork")
    fork.request("BYE")  # it hung up too: that is its own affair
    await world.a.expect("481 BYE")
    assert world.call().state.name == "BRIDGED"
    uas = world.a.dialog(invite)
    await world.hangs_up(uas)
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


async def test_no_bye_to_the_caller_before_its_ack(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    answer = await world.caller.expect("200 INVITE")
    await world.a.expect("ACK")
    await world.hangs_up(world.a.dialog(invite))
    await asyncio.sleep(5 * 0.02)
    assert not world.caller.count("BYE")
    uac.ack(answer)
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


async def test_bye_to_a_caller_that_never_sends_its_ack(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    await world.hangs_up(world.a.dialog(invite))
    await world.gets_bye(world.caller, 481)
    await world.ended("callee_hangup", by="callee")


async def test_missing_ack(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    await world.gets_bye(world.a)
    await world.gets_bye(world.caller)
    assert world.caller.count("200 INVITE") > 5
    await world.ended("ack_missing", by="system")


async def test_a_peer_that_never_answers_bye_keeps_its_channel_until_timer_f(world: World) -> None:
    uac, _ = await world.bridged()
    await world.hangs_up(uac)
    await world.a.expect("BYE")
    assert world.gate.channels(world.trunks["a"].id) == 1
    await world.ended("caller_hangup", by="caller")
    assert world.a.count("BYE") > 5
