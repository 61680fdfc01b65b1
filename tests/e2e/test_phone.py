"""The demo phone against itself: the tool that judges the platform is judged first."""

import asyncio
from collections.abc import Callable

import pytest

from ringfence.entry.phone import Call, CallFailed, Credentials, Phone

pytestmark = pytest.mark.e2e


async def happens(condition: Callable[[], bool], within: float = 5.0) -> None:
    """Poll for a condition until a deadline."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)


async def frames(call: Call, count: int = 40) -> None:
    """Wait until so many packets were received."""
    await happens(lambda: len(call.audio.recorder.packets) >= count)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_each_side_hears_the_other_sides_tone_and_no_other(transport: str) -> None:
    async with (
        Phone("127.0.0.2", transport=transport) as alice,
        Phone("127.0.0.3", transport=transport, codecs=("PCMA",)) as bob,
    ):
        out = await alice.dial(bob.uri, tone=440)
        taken = await bob.incoming()
        taken.ring()
        assert await out.ringing() == 180
        taken.answer(tone=1230)
        await out.answered()
        await taken.acknowledged()
        await frames(out)
        await frames(taken)
        assert out.heard().only(1230), out.heard()
        assert taken.heard().only(440), taken.heard()
        assert taken.heard().lost == 0
        assert await out.hangup() == 200
        await taken.ended()
        assert taken.ended_by == "remote"
        assert len(taken.seen("BYE")) == 1


async def test_crossed_audio_is_noticed() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri, tone=440)
        taken = await bob.incoming()
        taken.answer(tone=500)
        await out.answered()
        await frames(taken, 20)
        out.audio.tone = 700
        await frames(taken, 60)
        assert not taken.heard().only(440)
        assert {440, 700} <= taken.heard().tones.keys()


async def test_early_media_is_heard_before_the_answer() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri, tone=440)
        taken = await bob.incoming()
        taken.audio.tone = 950
        taken.ring(183, media=True)
        assert await out.ringing() == 183
        await frames(out, 20)
        assert out.heard().only(950)
        assert out.state == "ringing"
        taken.reject(603)
        with pytest.raises(CallFailed) as failure:
            await out.answered()
        assert failure.value.status == 603


async def test_cancel_ends_both_sides() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri)
        taken = await bob.incoming()
        taken.ring()
        await out.ringing()
        await out.cancel()
        assert out.status == 487
        assert await taken.ended() == 487
        assert len(out.seen(200, cseq="CANCEL")) == 1


async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri)
        taken = await bob.incoming()
        taken.answers_cancel = True
        taken.ring()
        await out.ringing()
        await out.cancel()
        await taken.ended()
        assert taken.status == 200
        await taken.until(lambda: len(taken.seen("BYE")) == 1 and len(taken.seen("ACK")) == 1)


async def test_hold_silences_and_resume_restores() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri, tone=440)
        taken = await bob.incoming()
        taken.answer(tone=500)
        await out.answered()
        await frames(out)
        assert await out.hold() == 200
        assert taken.remote_direction == "sendonly"
        assert taken.audio.muted
        assert await out.resume() == 200
        out.forget()
        await frames(out, 20)
        assert out.heard().only(500)


async def test_two_reinvites_at_once_are_both_refused() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri)
        taken = await bob.incoming()
        taken.answer()
        await out.answered()
        await taken.acknowledged()
        assert await asyncio.gather(out.hold(), taken.hold()) == [491, 491]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_digest(algorithm: str) -> None:
    right = Credentials("ann", "s3cret", algorithm)
    async with Phone("127.0.0.3", gate=right) as bob:
        async with Phone("127.0.0.2", login=Credentials("ann", "s3cret")) as alice:
            out = await alice.dial(bob.uri)
            (await bob.incoming()).answer()
            await out.answered()
        async with Phone("127.0.0.2", login=Credentials("ann", "wrong")) as eve:
            refused = await eve.dial(bob.uri)
            assert await refused.ended() == 401
            assert len(refused.seen("INVITE", sent=True)) == 2


async def test_digits() -> None:
    async with Phone("127.0.0.2") as alice, Phone("127.0.0.3") as bob:
        out = await alice.dial(bob.uri)
        taken = await bob.incoming()
        taken.answer()
        await out.answered()
        out.audio.press("15*55#")
        await happens(lambda: len(taken.audio.digits()) == 6)
        assert taken.audio.digits() == "15*55#"


async def test_requests_and_responses_are_repeated_until_the_peer_wakes() -> None:
    async with Phone("127.0.0.2", t1=0.02) as alice, Phone("127.0.0.3", t1=0.02) as bob:
        bob.wire.deaf = True
        out = await alice.dial(bob.uri)
        await happens(lambda: len(out.seen("INVITE", sent=True)) > 2)
        bob.wire.deaf = False
        taken = await bob.incoming()
        alice.wire.deaf = True
        taken.answer()
        await happens(lambda: len(taken.seen(200, sent=True)) > 2)
        alice.wire.deaf = False
        await out.answered()
        await taken.acknowledged()


async def test_nobody_there() -> None:
    async with Phone("127.0.0.2", t1=0.01) as alice:
        out = await alice.dial("sip:nobody@127.0.0.4:9")
        assert await out.ended(within=3) == 0
