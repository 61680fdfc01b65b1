"""The calls of daily life, placed and taken by SIPp. SIPp's logs judge; the record must agree."""

import asyncio
import math

import pytest
from tests.e2e.harness.ears import Ears, bridge, listen
from tests.e2e.harness.sipp import Line, Sipp, SippRunner
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World, check_billing

pytestmark = pytest.mark.e2e

TRANSPORTS = [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")]


class Pair:
    """A number that rings a SIPp, and the SIPp that calls it."""

    def __init__(self, world: World, sipp: SippRunner, transports: tuple[str, str]) -> None:
        self.world = world
        self.sipp = sipp
        self.caller_transport, self.callee_transport = transports
        self.number = world.installation.telephone()
        self.caller_host = world.installation.caller()
        self.callee_host = world.installation.callee()

    async def callee(self, scenario: str, *, rtp_port: int = 9, ring: int = 30, **options) -> Sipp:
        suffix = ";transport=tcp" if self.callee_transport == "tcp" else ""
        self.called = await asyncio.to_thread(
            self.world.number, f"sip:desk@{self.callee_host}:5060{suffix}", ring_seconds=ring
        )
        return await self.sipp.start(
            scenario,
            host=self.callee_host,
            port=5060,
            lines=[Line(self.number, rtp_port)],
            transport=self.callee_transport,
            **options,
        )

    async def caller(self, scenario: str, *, rtp_port: int = 9, **options) -> Sipp:
        return await self.sipp.start(
            scenario,
            host=self.caller_host,
            port=5060,
            lines=[Line(self.number, rtp_port, self.called)],
            peer=self.world.installation.sip,
            transport=self.caller_transport,
            **options,
        )


@pytest.fixture(params=TRANSPORTS, ids="-".join)
def pair(world: World, sipp: SippRunner, request: pytest.FixtureRequest) -> Pair:
    return Pair(world, sipp, request.param)


@pytest.fixture
def udp_pair(world: World, sipp: SippRunner) -> Pair:
    return Pair(world, sipp, ("udp", "udp"))


@pytest.mark.promise("CCA-01.0-10")
@pytest.mark.promise("CLX-02.B-03")
@pytest.mark.promise("CMX-01.3-01")
@pytest.mark.promise("CMX-01.3-02")
@pytest.mark.promise("CMX-01.3-03")
@pytest.mark.promise("CTX-01.B-02")
@pytest.mark.promise("CTX-01.B-03")
async def test_answered_bridged_and_hung_up_by_the_caller(pair: Pair) -> None:
    async with Ears() as ears:
        caller_ear = ears.open(pair.caller_host, 440)
        callee_ear = ears.open(pair.callee_host, 1230)
        callee = await pair.callee("uas_answer", rtp_port=callee_ear.address[1])
        caller = await pair.caller("uac_call", rtp_port=caller_ear.address[1], talk_ms=2500)
        await bridge(caller, caller_ear, callee, callee_ear, pair.number)
        await listen(caller_ear, callee_ear)
        assert caller_ear.heard().only(1230), caller_ear.heard()
        assert callee_ear.heard().only(440), callee_ear.heard()
        assert caller_ear.heard().streams == callee_ear.heard().streams == 1
        await caller.passed()
        await callee.passed()
    assert len(caller.seen(100)) == 1
    assert len(caller.seen(180)) == 1
    record = await pair.world.record(pair.number)
    assert (record["disposition"], record["end_reason"]) == ("answered", "caller_hangup")
    assert (record["from_number"], record["to_number"]) == (pair.number, pair.called)
    check_billing(record, caller)
    legs = {leg["role"]: leg for leg in record["legs"]}
    assert legs["caller"]["transport"] == pair.caller_transport
    assert legs["callee"]["transport"] == pair.callee_transport
    for leg in legs.values():
        assert leg["codec"].upper().startswith("PCMU")
        assert leg["rx_packets"] > 50
        assert leg["lost_packets"] == 0
        assert leg["mos"] > 4


async def test_hung_up_by_the_callee(pair: Pair) -> None:
    callee = await pair.callee("uas_hangup", talk_ms=1200)
    caller = await pair.caller("uac_wait_bye")
    await callee.passed()
    await caller.passed()
    record = await pair.world.record(pair.number)
    assert (record["disposition"], record["end_reason"]) == ("answered", "callee_hangup")
    check_billing(record, caller)


@pytest.mark.parametrize(
    ("theirs", "ours", "disposition", "reason", "q850"),
    [
        (486, 486, "busy", "busy", 17),
        (603, 603, "failed", "rejected", 21),
        (404, 404, "failed", "unreachable", 1),
        (480, 480, "no_answer", "no_answer", 18),
        (500, 503, "failed", "unreachable", 41),
    ],
)
@pytest.mark.promise("CMX-01.3-03")
@pytest.mark.promise("CLX-02.B-03")
async def test_refused(
    udp_pair: Pair, theirs: int, ours: int, disposition: str, reason: str, q850: int
) -> None:
    callee = await udp_pair.callee("uas_refuse", status=theirs)
    caller = await udp_pair.caller("uac_refused", status=ours)
    await caller.passed()
    await callee.passed()
    record = await udp_pair.world.record(udp_pair.number)
    assert (record["disposition"], record["end_reason"]) == (disposition, reason)
    assert (record["sip_status"], record["q850"], record["billed_seconds"]) == (ours, q850, 0)


async def test_busy_over_tcp(world: World, sipp: SippRunner) -> None:
    pair = Pair(world, sipp, ("tcp", "tcp"))
    callee = await pair.callee("uas_refuse", status=486)
    caller = await pair.caller("uac_refused", status=486)
    await caller.passed()
    await callee.passed()


@pytest.mark.promise("CMX-01.3-03")
@pytest.mark.promise("CLX-02.B-03")
async def test_no_answer(pair: Pair) -> None:
    callee = await pair.callee("uas_ring_until_cancel", ring=2)
    caller = await pair.caller("uac_refused", status=480)
    await callee.passed()
    await caller.passed()
    rang = callee.seen("CANCEL")[0].at - callee.seen(180, sent=True)[0].at
    assert 1.5 < rang < 3, rang
    record = await pair.world.record(pair.number)
    assert (record["disposition"], record["end_reason"]) == ("no_answer", "no_answer")
    assert (record["sip_status"], record["q850"]) == (480, 19)


async def test_the_caller_cancels(pair: Pair) -> None:
    callee = await pair.callee("uas_ring_until_cancel")
    caller = await pair.caller("uac_cancel")
    await caller.passed()
    await callee.passed()
    assert len(callee.seen("CANCEL")) == 1
    record = await pair.world.record(pair.number)
    assert (record["disposition"], record["end_reason"]) == ("cancelled", "caller_cancel")
    assert (record["sip_status"], record["billed_seconds"]) == (487, 0)


async def test_the_answer_crosses_the_cancel(pair: Pair) -> None:
    callee = await pair.callee("uas_answer_at_cancel")
    caller = await pair.caller("uac_cancel")
    await caller.passed()
    await callee.passed()
    assert len(callee.seen("ACK")) == 1
    assert len(callee.seen("BYE")) == 1
    record = await pair.world.record(pair.number)
    assert (record["disposition"], record["end_reason"]) == ("cancelled", "caller_cancel")
    assert record["billed_seconds"] == 0


async def test_nothing_listens_at_the_target(udp_pair: Pair) -> None:
    callee = await udp_pair.callee("uas_answer")
    callee.stop()
    caller = await udp_pair.caller("uac_refused", status=502)
    await caller.passed()
    record = await udp_pair.world.record(udp_pair.number)
    assert (record["disposition"], record["end_reason"]) == ("failed", "unreachable")
    invite, refusal = caller.seen("INVITE", sent=True)[0], caller.seen(502)[0]
    assert refusal.at - invite.at < 3, "ICMP tells at once; Timer B must not be waited for"


async def test_hold_and_resume(udp_pair: Pair) -> None:
    async with Ears() as ears:
        caller_ear = ears.open(udp_pair.caller_host, 440)
        callee_ear = ears.open(udp_pair.callee_host, 1230)
        callee = await udp_pair.callee("uas_answer", rtp_port=callee_ear.address[1])
        caller = await udp_pair.caller("uac_hold", rtp_port=caller_ear.address[1], talk_ms=1500)
        await bridge(caller, caller_ear, callee, callee_ear, udp_pair.number)
        await listen(caller_ear)
        assert caller_ear.heard().only(1230)
        await happens(lambda: "held" in [mark[0] for mark in caller.marks])
        caller_ear.muted = True
        caller_ear.forget()
        await happens(lambda: "resumed" in [mark[0] for mark in caller.marks])
        held = len(caller_ear.recorder.packets)
        assert held < 20, f"{held} packets while on hold for 1.5 s"
        caller_ear.muted = False
        await listen(caller_ear, callee_ear)
        assert caller_ear.heard().only(1230)
        assert callee_ear.heard().only(440)
        await caller.passed()
        await callee.passed()
    assert len(callee.seen("INVITE")) == 1, "a re-INVITE is answered on its own leg"
    record = await udp_pair.world.record(udp_pair.number)
    kinds = [event["kind"] for event in record["events"]]
    assert kinds.count("leg.held") == kinds.count("leg.resumed") == 1
    assert kinds.index("leg.held") < kinds.index("leg.resumed")


@pytest.mark.parametrize(
    ("calling", "taking", "reason"),
    [
        ("uac_bye_glare", "uas_hangup", "callee_hangup"),
        ("uac_call", "uas_bye_glare", "caller_hangup"),
    ],
)
async def test_both_hang_up_at_once(udp_pair: Pair, calling: str, taking: str, reason: str) -> None:
    callee = await udp_pair.callee(taking, talk_ms=500)
    caller = await udp_pair.caller(calling, talk_ms=500)
    await caller.passed()
    await callee.passed()
    assert len(caller.seen("BYE") + caller.seen("BYE", sent=True)) >= 1
    record = await udp_pair.world.record(udp_pair.number)
    assert record["end_reason"] == reason


async def test_the_caller_never_acknowledges(udp_pair: Pair) -> None:
    callee = await udp_pair.callee("uas_answer")
    caller = await udp_pair.caller("uac_no_ack")
    await caller.passed()
    await callee.passed()
    answers = caller.seen(200, cseq="INVITE")
    assert len(answers) >= 5, "a 200 is repeated until the ACK comes"
    waited = caller.seen("BYE")[0].at - answers[0].at
    assert 6 < waited < 8, f"64 T1 are 6.4 s; it took {waited:.1f} s"
    record = await udp_pair.world.record(udp_pair.number)
    assert record["end_reason"] == "ack_missing"


async def test_a_repeated_invite_is_one_call(udp_pair: Pair) -> None:
    callee = await udp_pair.callee("uas_answer")
    caller = await udp_pair.caller("uac_retransmit", talk_ms=500)
    await caller.passed()
    await callee.passed()
    assert len(callee.seen("INVITE")) == 1
    record = await udp_pair.world.record(udp_pair.number)
    assert record["end_reason"] == "caller_hangup"


async def test_our_digest_answers_the_targets_challenge(world: World, sipp: SippRunner) -> None:
    place = world.installation
    caller_host, callee_host, caller = place.caller(), place.callee(), place.telephone()
    trunk = await asyncio.to_thread(
        place.cli,
        "trunk",
        "create",
        "guarded",
        "--operator",
        "--source",
        f"{callee_host}/32",
        "--peer",
        f"udp:{callee_host}:5060",
        "--auth-username",
        "gate",
        "--auth-password",
        "s3cret",
    )
    await place_known(world, callee_host)
    number = await asyncio.to_thread(world.number, f"trunk:{trunk['id']}:+13125550199")
    callee = await sipp.start("uas_auth", host=callee_host, port=5060, lines=[Line(caller)])
    calling = await sipp.start(
        "uac_call",
        host=caller_host,
        port=5060,
        lines=[Line(caller, 9, number)],
        peer=place.sip,
        talk_ms=300,
    )
    await calling.passed()
    await callee.passed()
    first, second = callee.seen("INVITE")
    assert first.header("Call-ID") == second.header("Call-ID")
    assert "+13125550199" in second.first_line
    assert 'username="gate"' in second.header("Authorization")


async def place_known(world: World, address: str) -> None:
    from tests.e2e.harness.installation import known

    await known(world.installation, address)


@pytest.mark.parametrize("fault", ["loss", "swap"])
async def test_a_bad_path_is_measured_and_survived(udp_pair: Pair, fault: str) -> None:
    async with Ears() as ears:
        caller_ear = ears.open(udp_pair.caller_host, 440)
        callee_ear = ears.open(udp_pair.callee_host, 1230)
        path = ears.bad_path(udp_pair.caller_host, **{fault: 0.1})
        callee = await udp_pair.callee("uas_answer", rtp_port=callee_ear.address[1])
        caller = await udp_pair.caller("uac_call", rtp_port=path.outer[1], talk_ms=5000)
        callee_ear.send_to(*await callee.rtp_target(udp_pair.number))
        path.lead_to(*await caller.rtp_target(udp_pair.number))
        caller_ear.send_to(*path.inner)
        await listen(caller_ear, callee_ear, packets=150)
        assert callee_ear.heard().mostly(440), callee_ear.heard()
        assert caller_ear.heard().only(1230)
        await caller.passed()
        await callee.passed()
        dropped, swapped = path.dropped, path.swapped
    record = await udp_pair.world.record(udp_pair.number)
    legs = {leg["role"]: leg for leg in record["legs"]}
    assert legs["callee"]["lost_packets"] == 0
    if fault == "loss":
        assert dropped > 10
        # what was dropped before the first or after the last packet cannot be missed
        assert dropped - 5 <= legs["caller"]["lost_packets"] <= dropped
        assert legs["caller"]["mos"] < legs["callee"]["mos"] - 0.3
    else:
        assert swapped > 10
        assert legs["caller"]["lost_packets"] <= 1
    assert math.isclose(legs["caller"]["rx_packets"], path.forwarded, abs_tol=10)
