"""Who is not known learns nothing; who knows a password is let in."""

import asyncio

import pytest
from tests.e2e.harness.installation import known
from tests.e2e.harness.sipp import Line, SippRunner
from tests.e2e.harness.world import World

from ringfence.entry.phone import CallFailed, Credentials, Phone

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_without_passwords_a_stranger_gets_no_answer(world: World, transport: str) -> None:
    place = world.installation
    async with Phone(place.callee(), t1=0.1) as desk:
        number = await asyncio.to_thread(world.number_for, desk)
        async with Phone(place.stranger(), transport=transport, t1=0.05) as stranger:
            call = await stranger.dial(place.uri(number, transport))
            assert await call.ended(within=5) == 0
            assert [entry for entry in stranger.wire.log if not entry.sent] == []
            assert await stranger.options(place.uri("ping", transport), within=1) is None
        assert desk.wire.log == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_known_trunk_is_still_refused_an_unknown_number(
    world: World, sipp: SippRunner, transport: str
) -> None:
    place = world.installation
    line = Line(place.telephone(), 9, "+19995550100")
    caller = await sipp.start(
        "uac_refused",
        host=place.caller(),
        port=5060,
        lines=[line],
        peer=place.sip,
        transport=transport,
        status=404,
    )
    await caller.passed()


@pytest.mark.promise("CTX-02.A-01")
async def test_passwords(own_world: World, sipp: SippRunner) -> None:
    place = own_world.installation
    host = place.stranger()
    await asyncio.to_thread(
        place.cli,
        "trunk",
        "create",
        "pbx",
        "--tenant",
        own_world.tenant.id,
        "--username",
        "pbx",
        "--password",
        "s3cret",
    )
    async with Phone(place.callee(), t1=0.1) as desk:
        number = await asyncio.to_thread(own_world.number_for, desk)
        right = Credentials("pbx", "s3cret")
        async with Phone(host, login=right, t1=0.1) as pbx:
            await _challenged(pbx, place.uri("ping"))
            caller = place.telephone()
            call = await pbx.dial(place.uri(number), caller=caller)
            taken = await desk.incoming()
            taken.answer()
            await call.answered()
            assert "algorithm=SHA-256" in call.seen("INVITE", sent=True)[1].data.decode()
            assert await call.hangup() == 200
            await taken.ended()
        assert (await own_world.record(caller))["end_reason"] == "caller_hangup"

        wrong = Credentials("pbx", "wrong"), Credentials("nobody", "s3cret")
        refusals = []
        for login in wrong:
            async with Phone(host, login=login, t1=0.1) as eve:
                call = await eve.dial(place.uri(number), caller="+12125550000")
                with pytest.raises(CallFailed) as failure:
                    await call.answered()
                refusals.append(failure.value.status)
                answers = [
                    e.message for e in call.messages if not e.sent and e.message.status > 100
                ]
                assert {message.status for message in answers} <= {401, 403}
                assert all(not message.body for message in answers)
                assert not any(message.get("server") for message in answers)
        assert refusals[0] == refusals[1], "a wrong name must look like a wrong password"

        line = Line("pbx", 9, number)
        refused = await sipp.start(
            "uac_auth_refused",
            host=host,
            port=5060,
            lines=[line],
            peer=place.sip,
            status=403,
        )
        await refused.passed()
        # only the one good call has reached the desk
        assert len({entry.message.call_id for entry in desk.wire.log}) == 1
    await known(place, place.caller())


async def _challenged(phone: Phone, uri: str) -> None:
    async with asyncio.timeout(15):
        while True:
            answer = await phone.options(uri, within=0.5)
            if answer is not None:
                assert answer.status == 401
                return
