"""What a call's events say about people is sealed, for the place where the record will stand."""

from __future__ import annotations

from uuid import UUID

import pytest
from tests.unit.engine.calls.fakes import TENANT, person_of
from tests.unit.engine.calls.harness import CALLED, CALLER, PHONE_SDP, World, kinds, until

from ringfence.engine.journal.records import EventRecord
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.fields import INSTALLATION, SealedFieldNumber
from ringfence.platform.keys.errors import Refused
from ringfence.platform.keys.persons import Identifier

CALLER_DIGITS = CALLER.lstrip("+").encode()
TARGET = "+15551239999"


async def _one_call(world: World) -> list[EventRecord]:
    uac, _ = await world.bridged()
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    return await world.ended("caller_hangup", by="caller")


def _of(events: list[EventRecord], kind: str) -> list[EventRecord]:
    return [event for event in events if event.kind == kind]


async def test_parties_are_sealed_for_their_records(world: World) -> None:
    world.dial("a", number=TARGET)
    events = await _one_call(world)
    (started,) = _of(events, "call.started")
    call = started.call
    assert started.data["to"] == CALLED  # the tenant's own number
    assert (started.data["country_code"], started.data["area"]) == ("1", "555")
    sealed = world.opened(SealedFieldNumber.CALL_CALLER, call, started, started.caller)
    assert sealed == {"number": CALLER}
    assert started.callee is None
    first, second = _of(events, "leg.created")
    assert first.caller is not None and second.callee is not None
    assert first.callee is None and second.caller is None
    assert first.caller.person == person_of(TENANT, Identifier("e164", CALLER))
    assert second.callee.person == person_of(TENANT, Identifier("e164", TARGET))
    field = SealedFieldNumber.LEG_PARTY
    theirs = world.opened(field, UUID(hex=first.data["leg"]), first, first.caller)
    assert theirs["number"] == CALLER and theirs["sip_call_id"].startswith("uac")
    assert world.opened(field, UUID(hex=second.data["leg"]), second, second.callee)["number"] == (
        TARGET
    )
    assert all("from" not in event.data and "sip_call_id" not in event.data for event in events)


async def test_one_request_tells_all_parties_apart(world: World) -> None:
    world.dial("a", "b", number=TARGET)
    await _one_call(world)
    ((tenant, identifiers),) = world.keys.resolved
    assert tenant == TENANT
    numbers = [(item.kind, item.text) for item in identifiers]
    assert numbers == [("e164", CALLER), ("e164", TARGET), ("e164", TARGET)]
    assert world.keys.asked == 1, "only the key for recovery was asked for by itself"


async def test_after_a_lease_the_leaf_is_asked_for_again(world: World) -> None:
    world.keys.leased = False
    events = await _one_call(world)
    (started,) = _of(events, "call.started")
    sealed = world.opened(SealedFieldNumber.CALL_CALLER, started.call, started, started.caller)
    assert sealed == {"number": CALLER}


async def test_the_spool_holds_no_party_in_clear(world: World) -> None:
    """Valid because the same scan finds what is written in clear: the dialled number."""
    world.dial("a", number=TARGET)
    await _one_call(world)
    await world.journal.writer.durable()
    content = b"".join(path.read_bytes() for path in world.spool.glob("*.seg"))
    assert CALLED.encode() in content
    assert CALLER_DIGITS not in content
    assert TARGET.lstrip("+").encode() not in content


async def test_a_number_of_nobody_is_sealed_too(world: World) -> None:
    world.control.number = None
    world.control.verbs = ()
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    refused = await world.caller.expect("404 INVITE")
    uac.ack(refused)
    events = await world.ended("unroutable", by="system", status=404)
    started = events[0]
    assert "to" not in started.data
    sealed = world.opened(SealedFieldNumber.CALL_CALLEE, started.call, started, started.callee)
    assert sealed == {"number": CALLED}


async def test_withheld_callers_are_told_apart_by_nobody(world: World) -> None:
    uac = world.uac()
    uac.local = "<sip:anonymous@anonymous.invalid>;tag=x"
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 486)
    uac.ack(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)
    ((_, identifiers),) = world.keys.resolved
    assert identifiers[0].kind == "withheld"


@pytest.mark.parametrize("emergency", [False, True])
async def test_without_keys_only_an_emergency_goes_through(world: World, emergency: bool) -> None:
    world.keys.error = Unavailable("the keys are away")
    world.control.emergency = emergency
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    await until(lambda: world.errors.records)
    assert world.errors.records.pop() == "parties cannot be sealed"
    if emergency:
        invite = await world.a.expect("INVITE")
        world.a.respond(invite, 486)
        uac.ack(await world.caller.expect("486 INVITE"))
        world.keys.error = None
        events = await world.ended("busy", by="callee", status=486)
    else:
        refused = await world.caller.expect("503 INVITE")
        assert refused["Retry-After"]
        uac.ack(refused)
        world.keys.error = None
        events = await world.ended("failed", by="system", status=503)
        assert kinds(events) == ["call.started", "leg.created", "leg.ended", "call.ended"]
    assert all(event.caller is None and event.callee is None for event in events)


async def test_calls_of_no_tenant_belong_to_the_installation(world: World) -> None:
    world.control.error = Unavailable("no control")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack(await world.caller.expect("503 INVITE"))
    await world.ended("failed", by="system", status=503)
    ((tenant, _),) = world.keys.resolved
    assert tenant == INSTALLATION


async def test_legs_written_before_a_new_key_are_readable_after_it(world: World) -> None:
    uac, _ = await world.bridged()
    world.journal.renew(await world.manager.vault.leg_sealer())
    await world.crash()
    bye = await world.gets_bye(world.caller)
    assert bye["Call-ID"] == uac.call_id
    await world.gets_bye(world.a)
    await world.ended("engine_crash", by="system")


@pytest.mark.parametrize("error", [Unavailable("away"), Refused("not of your calls")])
async def test_a_hunt_needs_no_keys_after_its_beginning(
    world: World, error: RingfenceError
) -> None:
    """Neither a lease that ended, nor `keys` away or started anew, ends a call that rings on."""
    world.dial("a", "b", number=TARGET)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first = await world.a.expect("INVITE")
    world.keys.leased, world.keys.error = False, error
    world.a.respond(first, 503)
    second = await world.b.expect("INVITE")
    world.b.respond(second, 486)
    uac.ack(await world.caller.expect("486 INVITE"))
    events = await world.ended("busy", by="callee", status=486)
    last = _of(events, "leg.created")[-1]
    field = SealedFieldNumber.LEG_PARTY
    party = world.opened(field, UUID(hex=last.data["leg"]), last, last.callee)
    assert party == {"number": TARGET, "sip_call_id": second["Call-ID"]}
