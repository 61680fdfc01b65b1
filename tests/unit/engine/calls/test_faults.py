"""What surrounds the engine fails, at every step: the call ends honestly, nothing stays behind."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.engine.calls.harness import CALLED, PHONE_SDP, World, kinds, until

from ringfence.engine.media.client import MediaLost
from ringfence.engine.verbs.model import Dial, Reject, TrunkTarget
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.rpc import RpcError, RpcUnavailable
from ringfence.platform.spool import SpoolError


async def refused(world: World, status: int) -> None:
    """A call that gets this final answer."""
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect(f"{status} INVITE"))


@pytest.mark.parametrize("error", [RpcUnavailable("gone"), RpcError("internal_error", "x")])
async def test_control_fails(world: World, error: Exception) -> None:
    world.control.error = error
    await refused(world, 503)
    assert int(world.caller.seen[-1]["Retry-After"]) > 0
    await world.ended("failed", by="system", status=503)


async def test_no_verbs(world: World) -> None:
    world.control.verbs = ()
    await refused(world, 404)
    await world.ended("unroutable", by="system", status=404)


async def test_dial_then_reject(world: World) -> None:
    world.dial("a")
    world.control.verbs = (*world.control.verbs, Reject(480))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 486)
    uac.ack_failure(await world.caller.expect("480 INVITE"))
    await world.ended("rejected", by="system", status=480)


async def test_targets_that_cannot_be_dialled(world: World) -> None:
    """A trunk that has gone, one that takes no calls, a number that is none, a bad URI, one that
    leads to the operator's carrier."""
    target = world.trunks["a"].id
    for targets in (
        (TrunkTarget(target, "1;x=<sip:evil>"),),
        (TrunkTarget(world.trunks["in"].id, CALLED),),
        (TrunkTarget(target, "1 2"), TrunkTarget(target, "1@evil:5060")),
    ):
        world.control.verbs = (Dial(targets),)
        await refused(world, 502)
    for uri in ("sip:no host", f"sip:{CALLED}@{world.a.host}:{world.a.port}"):
        world.dial(uri)
        await refused(world, 502)
    await world.settled()
    assert not world.a.seen
    assert len(await world.story()) == 5


async def test_a_name_that_does_not_resolve(world: World) -> None:
    world.trunk("c", 9, peer_host=f"{'x' * 70}.invalid", max_channels=1)
    world.dial("c", "a")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


@pytest.mark.parametrize(
    ("step", "error", "status", "reason"),
    [
        ("answer offer", RpcError("no_common_codec", ""), 488, "failed"),
        ("answer offer", RpcError("no_ports", ""), 503, "failed"),
        ("answer offer", RpcUnavailable(""), 503, "failed"),
        ("answer offer", MediaLost(""), 503, "media_lost"),
        ("offer", RpcError("no_ports", ""), 503, "failed"),
        ("offer", RpcUnavailable(""), 503, "failed"),
        ("connect", RpcError("unknown_leg", ""), 503, "failed"),
        ("connect", MediaLost(""), 503, "media_lost"),
    ],
)
async def test_media_fails_before_anybody_rings(
    world: World, step: str, error: RingfenceError, status: int, reason: str
) -> None:
    world.media.fail[step] = error
    await refused(world, status)
    await world.ended(reason, by="system", status=status)
    assert not world.a.seen


@pytest.mark.parametrize("error", [RpcError("sdp_invalid", ""), MediaLost("")])
@pytest.mark.parametrize("early", [False, True])
async def test_media_fails_at_the_answer(world: World, error: RingfenceError, early: bool) -> None:
    world.media.fail["answer answer"] = error
    world.media.fail["delete"] = RpcUnavailable("")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 183 if early else 200, sdp=PHONE_SDP)
    lost = isinstance(error, MediaLost)
    if early and not lost:  # that is ringing without sound
        await world.caller.expect("183 INVITE")
        world.a.respond(invite, 200, sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("503 INVITE"))
    if early and lost:
        world.a.respond(await world.a.expect("CANCEL"), 200)
        world.a.respond(invite, 487)
    else:
        await world.gets_bye(world.a)
    reason = "media_lost" if lost else "failed"
    events = await world.ended(reason, by="system", status=503)
    assert "call.answered" not in kinds(events)


async def test_reinvite_while_media_has_gone(world: World) -> None:
    uac, _ = await world.bridged()
    world.media.fail["answer offer"] = MediaLost("")
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("487 INVITE"))
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await world.ended("media_lost", by="system")


@pytest.mark.parametrize("ringing", [False, True])
async def test_media_worker_dies(world: World, ringing: bool) -> None:
    if ringing:
        uac = world.uac()
        uac.request("INVITE", sdp=PHONE_SDP)
        invite = await world.a.expect("INVITE")
        world.a.respond(invite, 180)
        await world.caller.expect("180 INVITE")
    else:
        await world.bridged()
    world.media.fail["delete"] = MediaLost("")
    world.manager.on_media_lost({world.call().id})
    if ringing:
        uac.ack_failure(await world.caller.expect("503 INVITE"))
        world.a.respond(await world.a.expect("CANCEL"), 200)
        world.a.respond(invite, 487)
    else:
        for peer in (world.caller, world.a):
            await world.gets_bye(peer)
    await world.ended("media_lost", by="system", status=503 if ringing else None)


async def test_media_silence(world: World) -> None:
    await world.bridged()
    world.media_event(world.call().primary.id, 60)  # most of it was ringing
    await asyncio.sleep(0.05)
    assert not world.a.count("BYE")
    world.media_event(world.call().primary.id, 0.001)
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await world.ended("media_timeout", by="system")


async def test_answer_that_cannot_be_made_durable(world: World) -> None:
    durable = world.journal.writer.durable

    async def broken() -> None:
        raise SpoolError("disk full")

    world.journal.writer.durable = broken  # type: ignore[method-assign]
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("503 INVITE"))
    await world.gets_bye(world.a)
    world.journal.writer.durable = durable  # type: ignore[method-assign]
    await world.ended("failed", by="system", status=503)
    assert not world.caller.count("200 INVITE")


async def test_journal_that_takes_nothing_more(world: World) -> None:
    """Calls still end on the wire, and nothing of them stays."""
    uac, _ = await world.bridged()

    def full(record: bytes) -> None:
        raise SpoolError("full")

    world.journal.append = full
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await refused(world, 503)
    await until(lambda: not world.leftovers())
    assert not world.uncaught


async def test_max_duration(world: World) -> None:
    world.control.max_seconds = 1
    await world.bridged()
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await world.ended("max_duration", by="system")


async def test_drain(world: World) -> None:
    await world.bridged()
    drain = asyncio.ensure_future(world.manager.drain(0.3))
    await until(lambda: world.agent.draining)
    world.uac().request("OPTIONS")
    await world.caller.expect("503 OPTIONS")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    refusal = await world.caller.expect("503 INVITE")
    assert refusal["Retry-After"]
    uac.ack_failure(refusal)
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await drain
    await world.ended("shutdown", by="system")


async def test_drain_while_routing_and_ringing(world: World) -> None:
    ringing = world.uac()
    ringing.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    world.control.wait = asyncio.Event()
    routing = world.uac()
    routing.request("INVITE", sdp=PHONE_SDP)
    await world.caller.expect("100 INVITE")
    drain = asyncio.ensure_future(world.manager.drain(0))
    ringing.ack_failure(await world.caller.expect("503 INVITE"))
    world.a.respond(await world.a.expect("CANCEL"), 200)
    world.a.respond(invite, 487)
    world.control.wait.set()
    routing.ack_failure(await world.caller.expect("503 INVITE"))
    await until(lambda: world.a.count("INVITE") > 1 or drain.done())
    world.a.respond([m for m in world.a.seen if m.kind == "INVITE"][-1], 503)
    await drain
    await world.settled()
    reasons = {events[-1].data["reason"] for events in (await world.story()).values()}
    assert reasons == {"shutdown"}


async def test_a_bug_in_a_handler_ends_this_call_only(world: World) -> None:
    await world.bridged()
    call = world.call()
    call._answered_at = "never"  # the next silence event cannot be computed
    world.media_event(call.primary.id, 1)
    for peer in (world.caller, world.a):
        await world.gets_bye(peer)
    await until(lambda: not world.leftovers())
    assert len(world.errors.records) == 1
    (events,) = (await world.story()).values()
    assert events[-1].data["reason"] == "failed"
