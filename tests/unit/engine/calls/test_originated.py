"""Calls that a tenant places."""

from __future__ import annotations

from uuid import UUID

import pytest
from tests.unit.engine.calls.fakes import TENANT
from tests.unit.engine.calls.harness import CALLED, CALLER, PHONE_SDP, World, kinds, until
from tests.unit.engine.calls.test_programs import played, playing

from ringfence.engine.calls.originating import NotPlaced
from ringfence.engine.ports import CallCommand, OriginateRequest, RouteDecision
from ringfence.engine.verbs.model import Dial, Program, Say, SipTarget, TrunkTarget, straight
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import uuid7
from ringfence.platform.rpc import RpcError


def wanted(world: World, program: Program, trunk: str = "a", seconds: int = 30) -> OriginateRequest:
    world.control.placed = RouteDecision(
        TENANT, None, program, first=TrunkTarget(world.trunks[trunk].id, CALLED)
    )
    call = uuid7(world.clock)
    return OriginateRequest(TENANT, call, CALLED, CALLER, UUID(int=9), timeout_seconds=seconds)


async def test_who_answers_hears_the_flow(world: World) -> None:
    request = wanted(world, straight(Say("hello")))
    await world.manager.originate(request)
    await world.manager.originate(request)  # said again: nothing more
    invite = await world.a.expect("INVITE")
    assert CALLER in invite["From"] and CALLED in invite["To"]
    world.a.respond(invite, 180)
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    await playing(world, "file:hello")
    played(world)
    await world.gets_bye(world.a)
    events = await world.ended("completed", by="system")
    assert kinds(events) == [
        "call.started", "leg.created", "call.routed", "leg.progress", "leg.answered",
        "call.answered", "leg.ended", "call.ended",
    ]  # fmt: skip
    assert events[0].data["direction"] == "outbound" and events[0].call == request.call
    assert len({m["Call-ID"] for m in world.a.seen if m.kind == "INVITE"}) == 1


async def test_it_may_dial_on(world: World) -> None:
    dial = Dial((TrunkTarget(world.trunks["b"].id, "+15550001111"),))
    await world.manager.originate(wanted(world, straight(dial)))
    first = await world.a.expect("INVITE")
    world.a.respond(first, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    second = await world.b.expect("INVITE")
    await playing(world, "ringback:us")
    world.b.respond(second, 200, sdp=PHONE_SDP)
    await world.b.expect("ACK")
    await until(lambda: world.call().state.name == "BRIDGED")
    await world.hangs_up(world.a.dialog(first))
    await world.gets_bye(world.b)
    await world.ended("callee_hangup", by="callee")


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "busy"), (603, "rejected"), (404, "unreachable")]
)
async def test_who_refuses(world: World, status: int, reason: str) -> None:
    await world.manager.originate(wanted(world, straight(Say("hello"))))
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, status)
    events = await world.ended(reason, by="callee", status=status)
    assert "call.answered" not in kinds(events)


async def test_who_does_not_answer_in_time(world: World) -> None:
    await world.manager.originate(wanted(world, straight(Say("hello")), seconds=1))
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    world.a.respond(await world.a.expect("CANCEL"), 200)
    world.a.respond(invite, 487)
    await world.ended("no_answer", by="callee", status=480)


async def test_a_tenant_gives_up_while_it_rings(world: World) -> None:
    request = wanted(world, straight(Say("hello")))
    await world.manager.originate(request)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.manager.command(CallCommand(TENANT, request.call, "hang_up"))
    world.a.respond(await world.a.expect("CANCEL"), 200)
    world.a.respond(invite, 487)
    await world.ended("completed", by="system", status=480)


@pytest.mark.parametrize(
    "problem", [RpcError("caller_id_refused", ""), RpcError("wallet_empty", "")]
)
async def test_control_refuses(world: World, problem: RingfenceError) -> None:
    request = wanted(world, straight(Say("hello")))
    world.control.placed = problem
    with pytest.raises(RpcError) as raised:
        await world.manager.originate(request)
    assert raised.value.code == problem.code
    assert not await world.story() and not world.leftovers()


async def test_a_limit_or_a_failure_leaves_nothing_behind(world: World) -> None:
    world.trunk("a", 2, peer_host=world.a.host, peer_port=world.a.port, max_channels=0)
    with pytest.raises(NotPlaced):
        await world.manager.originate(wanted(world, straight(Say("hello"))))
    world.media.fail["offer"] = RpcError("no_ports", "")
    with pytest.raises(RpcError):
        await world.manager.originate(wanted(world, straight(Say("hello")), "b"))
    assert not await world.story() and not world.leftovers()


async def test_a_sip_uri_to_the_operators_carrier_is_not_dialled(world: World) -> None:
    request = wanted(world, straight(Say("hello")))
    uri = f"sip:{CALLED}@{world.a.host}:{world.a.port}"
    world.control.placed = RouteDecision(TENANT, None, straight(Say("hello")), first=SipTarget(uri))
    with pytest.raises(NotPlaced):
        await world.manager.originate(request)
    assert not world.a.seen
