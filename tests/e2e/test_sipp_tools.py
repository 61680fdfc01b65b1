"""SIPp and the demo phone against each other, without the platform: both judges must agree."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.harness.peers import need
from tests.e2e.harness.sipp import Line, SippRunner
from tests.e2e.harness.wait import happens

from ringfence.entry.phone import AudioStream, Credentials, Pacer, Phone

pytestmark = pytest.mark.e2e


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[SippRunner]:
    need("sipp", "sip-tester")
    runner = SippRunner(tmp_path)
    yield runner
    runner.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_calls_the_phone(sipp: SippRunner, transport: str) -> None:
    pacer = Pacer()
    ear = AudioStream(pacer, "127.0.21.2", tone=440)
    async with Phone("127.0.21.3", transport=transport) as phone:
        line = Line("15550001", ear.address[1], "4711")
        caller = await sipp.start(
            "uac_call",
            host="127.0.21.2",
            port=5062,
            lines=[line],
            peer=phone.address,
            transport=transport,
        )
        call = await phone.incoming()
        assert (call.number, call.peer_number) == ("4711", "15550001")
        call.ring()
        call.answer(tone=700)
        ear.send_to(*await caller.rtp_target("15550001"))
        await caller.passed()
        assert call.state == "ended"
        assert call.heard().only(440)
        assert ear.heard().only(700)
        assert [len(caller.seen(s)) for s in (180, 200)] == [1, 2]
    ear.close()
    await pacer.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("scenario", ["uas_answer", "uas_hangup"])
async def test_the_phone_calls_sipp(sipp: SippRunner, scenario: str, transport: str) -> None:
    async with Phone("127.0.21.4", transport=transport, user="15550002") as phone:
        callee = await sipp.start(
            scenario, host="127.0.21.5", port=5062, lines=[Line("15550002")], transport=transport
        )
        call = await phone.dial(f"sip:4711@127.0.21.5:5062;transport={transport}")
        await call.answered()
        if scenario == "uas_answer":
            assert await call.hangup() == 200
        await call.ended()
        await callee.passed()
        assert call.ended_by == ("local" if scenario == "uas_answer" else "remote")


async def test_refusal_and_cancel(sipp: SippRunner) -> None:
    async with Phone("127.0.21.6") as phone:
        busy = await sipp.start(
            "uas_refuse", host="127.0.21.7", port=5062, lines=[Line("phone")], status=486
        )
        call = await phone.dial("sip:4711@127.0.21.7:5062")
        assert await call.ended() == 486
        await busy.passed()
        ringing = await sipp.start(
            "uas_ring_until_cancel", host="127.0.21.7", port=5063, lines=[Line("phone")]
        )
        call = await phone.dial("sip:4711@127.0.21.7:5063")
        await call.ringing()
        await call.cancel()
        assert call.status == 487
        await ringing.passed()
        racing = await sipp.start(
            "uas_answer_at_cancel", host="127.0.21.7", port=5064, lines=[Line("phone")]
        )
        call = await phone.dial("sip:4711@127.0.21.7:5064")
        await call.ringing()
        await call.cancel()
        await racing.passed()
        assert len(racing.seen("BYE")) == 1


async def test_sipp_gives_up_holds_and_forgets_its_ack(sipp: SippRunner) -> None:
    async with Phone("127.0.21.8", t1=0.05) as phone:
        start = {"host": "127.0.21.9", "port": 5062, "lines": [Line("15550003")]}
        start["peer"] = phone.address
        gives_up = await sipp.start("uac_cancel", **start)
        call = await phone.incoming()
        call.ring()
        assert await call.ended() == 487
        await gives_up.passed()

        holds = await sipp.start("uac_hold", talk_ms=300, **start)
        call = await phone.incoming()
        call.answer()
        await call.until(lambda: call.remote_direction == "sendonly")
        assert call.audio.muted
        await holds.passed()
        assert [mark[0] for mark in holds.marks] == ["rtp", "held", "resumed"]

        forgetful = await sipp.start("uac_no_ack", **start)
        call = await phone.incoming()
        call.answer()
        await happens(lambda: len(call.seen(200, sent=True)) >= 3)
        await call.hangup()
        await forgetful.passed()


async def test_digest_both_ways(sipp: SippRunner) -> None:
    login = Credentials("gate", "s3cret")
    async with Phone("127.0.21.10", login=login, user="15550004") as phone:
        gate = await sipp.start("uas_auth", host="127.0.21.11", port=5062, lines=[Line("15550004")])
        call = await phone.dial("sip:4711@127.0.21.11:5062")
        await call.answered()
        await call.hangup()
        await gate.passed()
    async with Phone("127.0.21.12", gate=login) as phone:
        start = {"host": "127.0.21.13", "lines": [Line("15550004")], "peer": phone.address}
        right = await sipp.start(
            "uac_auth", port=5062, login=("gate", "s3cret"), talk_ms=10, **start
        )
        (await phone.incoming()).answer()
        await right.passed()
        wrong = await sipp.start("uac_auth_refused", port=5063, status=401, **start)
        await wrong.passed()


async def test_both_hang_up_at_once(sipp: SippRunner) -> None:
    async with Phone("127.0.21.14", user="15550005") as phone:
        start = {"host": "127.0.21.15", "lines": [Line("15550005")]}
        caller = await sipp.start("uac_bye_glare", port=5062, peer=phone.address, **start)
        call = await phone.incoming()
        call.answer()
        await call.acknowledged()
        assert await call.hangup() == 200
        await caller.passed()
        assert len(call.seen("BYE")) == 1
        callee = await sipp.start("uas_bye_glare", port=5063, **start)
        call = await phone.dial("sip:4711@127.0.21.15:5063")
        await call.answered()
        assert await call.hangup() == 200
        await callee.passed()
        assert len(call.seen("BYE")) == 1
