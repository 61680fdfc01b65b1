"""Who may call and what reaches us from the open network."""

from __future__ import annotations

import asyncio
import re
from hashlib import md5
from typing import Any

import pytest
from tests.unit.engine.calls.harness import PHONE_SDP, T1, World, kinds, until
from tests.unit.engine.calls.peers import Dialogue, Sip

from ringfence.engine.signalling import transport


def digest(challenge: str, user: str, password: str, uri: str, method: str = "INVITE") -> str:
    """An Authorization value (RFC 2617, qop auth), computed by hand."""
    realm, nonce = (re.search(rf'{k}="([^"]*)"', challenge)[1] for k in ("realm", "nonce"))  # type: ignore[index]

    def h(text: str) -> str:
        return md5(text.encode()).hexdigest()

    middle = f"{nonce}:00000001:cn:auth:{h(f'{method}:{uri}')}"
    response = h(f"{h(f'{user}:{realm}:{password}')}:{middle}")
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cn"'
    )


# --- strangers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "SUBSCRIBE"])
async def test_strangers_get_nothing(world: World, method: str) -> None:
    stranger = await world.udp("127.0.0.9")
    world.uac(stranger).request(method, sdp=PHONE_SDP if method == "INVITE" else "")
    uac, _ = await world.bridged()
    known = Dialogue(
        stranger, call_id=uac.call_id, local=uac.local, remote="<sip:x@y>;tag=guess",
        target=uac.target, cseq=5,
    )  # fmt: skip
    known.request("BYE")
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")
    assert not stranger.seen


async def with_password(world: World) -> Any:
    world.trunk("pbx", 7, username="pbx", ha1_md5=md5(b"pbx:ringfence:secret").hexdigest())
    return await world.udp("127.0.0.9")


async def test_a_forged_source_gets_one_packet_and_no_state(world: World) -> None:
    """A challenge is not retransmitted: it would be an amplifier."""
    stranger = await with_password(world)
    world.uac(stranger).request("INVITE", sdp=PHONE_SDP)
    await stranger.expect("401 INVITE")
    assert not world.leftovers()
    await asyncio.sleep(16 * T1)
    assert stranger.kinds == ["401 INVITE"]


async def test_a_pbx_with_a_password(world: World) -> None:
    stranger = await with_password(world)
    uac = world.uac(stranger)
    uac.request("INVITE", sdp=PHONE_SDP)
    challenge = await stranger.expect("401 INVITE")
    uac.ack_failure(challenge)
    uac.remote = re.sub(";tag=.*", "", uac.remote)
    (value,) = [v for v in challenge.all("WWW-Authenticate") if "MD5" in v]
    right = digest(value, "pbx", "secret", uac.target)
    uac.request("INVITE", sdp=PHONE_SDP, extra=f"Authorization: {right}\r\n")
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    uac.ack(await stranger.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_wrong_passwords_and_unknown_names_look_alike(world: World) -> None:
    stranger = await with_password(world)
    answers: list[str] = []
    for user, password in (("pbx", "wrong"), ("nobody", "secret")):
        uac = world.uac(stranger)
        uac.request("INVITE", sdp=PHONE_SDP)
        value = (await stranger.expect("401 INVITE")).all("WWW-Authenticate")[-1]
        wrong = digest(value, user, password, uac.target)
        uac.request("INVITE", sdp=PHONE_SDP, extra=f"Authorization: {wrong}\r\n")
        refusal = await stranger.expect("403 INVITE")
        answers.append(refusal.start + str(sorted(ln.split(":")[0] for ln in refusal.lines)))
    assert answers[0] == answers[1]
    await world.settled()
    assert not world.a.seen


async def test_answers_nobody_asked_for_trigger_nothing(world: World) -> None:
    """A 2xx with our name in its Call-ID must not make us send ACK and BYE where it says."""
    victim = await world.udp("127.0.0.8")
    stranger = await world.udp("127.0.0.9")
    stranger.send(
        f"SIP/2.0 200 OK\r\n{stranger.via()}From: <sip:a@b>;tag=1-n1\r\nTo: <sip:c@d>;tag=2\r\n"
        f"Call-ID: 0123456789@n1\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:v@{victim.host}:{victim.port}>\r\nContent-Length: 0\r\n\r\n"
    )
    await asyncio.sleep(8 * T1)
    assert not victim.seen and not stranger.seen
    await world.settled()


# --- INVITEs that are refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (483, {"hops": 0}),
        (400, {"hops": 9999}),
        (420, {"extra": "Require: 100rel, x\r\n"}),
        (415, {"kind": "text/plain"}),
        (416, {"contact": "<urn:x>"}),
        (400, {"contact": "<sip:>"}),
        (400, {"extra": "Record-Route: <sip:>\r\n"}),
        (481, {"tag": True}),
    ],
)
async def test_invites_that_cannot_be(world: World, status: int, fields: dict[str, Any]) -> None:
    uac = world.uac()
    if fields.pop("tag", False):
        uac.remote += ";tag=unknown"
    uac.request("INVITE", sdp=PHONE_SDP, **fields)
    refusal = await world.caller.expect(f"{status} INVITE")
    if status == 420:
        assert refusal["Unsupported"] == "100rel, x"
    uac.ack_failure(refusal)
    await world.settled()
    assert not world.control.asked


@pytest.mark.parametrize(
    ("uri", "status"),
    [("sip:%0d%0aVia@127.0.0.1", 400), ("sip:%00@127.0.0.1", 400), ("urn:x:y", 416)],
)
async def test_targets_that_cannot_be_read_take_no_channel(
    world: World, uri: str, status: int
) -> None:
    uac = world.uac()
    uac.target = uri
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect(f"{status} INVITE"))
    await world.settled()


@pytest.mark.parametrize(
    "sender",
    [
        "<urn:nobody>",
        "<sip:%0d%0aX-Evil%3a%201@127.0.0.2>",
        '"<sip:evil@x>;tag=a" <sip:a%3cb%3e%22;c@127.0.0.2>',
        "<sip:jos\udce9@127.0.0.2>",
    ],
)
async def test_a_senders_name_injects_nothing(world: World, sender: str) -> None:
    uac = world.uac()
    uac.local = f"{sender};tag=x"
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    assert not {ln.split(":")[0] for ln in invite.lines} & {"X-Evil"}
    assert re.fullmatch(r'("Anonymous" )?<sip:[\w.+@]+>;tag=[\w-]+', invite["From"])
    assert invite["Privacy"] == "id"
    world.a.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


async def test_withheld_number_and_hop_count(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP, extra="Privacy: id\r\n", hops=7)
    invite = await world.a.expect("INVITE")
    assert invite["Max-Forwards"] == "6"
    assert "anonymous.invalid" in invite["From"] and "15551230001" not in invite.text
    world.a.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


async def test_garbage(world: World) -> None:
    for data in (
        b"\0" * 40, b"INVITE\r\n\r\n", b"\xff" * 1400, b"SIP/2.0 200 OK\r\n\r\n", b"\r\n" * 9,
        b"INVITE sip:x SIP/2.0\r\nVia: x\r\n\r\n", b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n",
    ):  # fmt: skip
        world.caller.send(data)
    world.uac().request("OPTIONS")
    options = await world.caller.expect("200 OPTIONS")
    assert options["Allow"] and options["Accept"] == "application/sdp"
    world.uac().request("SUBSCRIBE")
    await world.caller.expect("405 SUBSCRIBE")
    await world.settled()


async def test_a_reason_header_that_would_stall_the_loop(world: World) -> None:
    uac, _ = await world.bridged()
    loop = asyncio.get_running_loop()
    uac.request("BYE", extra=f"Reason: {'Q.850;' * 9000}\r\n")
    slowest = 0.0
    while not world.caller.count("200 BYE"):
        before = loop.time()
        await asyncio.sleep(0)
        slowest = max(slowest, loop.time() - before)
    assert slowest < 0.2
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


# --- carriers that want to know who calls ---------------------------------------------------------


async def challenged(world: World) -> Sip:
    world.trunk(
        "c", 8, peer_host=world.b.host, peer_port=world.b.port,
        auth_username="us", auth_password="pw",
    )  # fmt: skip
    world.dial("c")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first = await world.b.expect("INVITE")
    challenge = 'Digest realm="carrier", nonce="abc", qop="auth", algorithm=MD5'
    world.b.respond(first, 407, extra=f"Proxy-Authenticate: {challenge}\r\n")
    await world.b.expect("ACK")
    second = await world.b.expect("INVITE")
    assert second.branch != first.branch and second.cseq == 2
    assert second["Call-ID"] == first["Call-ID"] and second["From"] == first["From"]
    value = second["Proxy-Authorization"]
    cnonce = re.search(r'cnonce="([^"]+)"', value)
    assert cnonce and 'username="us"' in value
    ha1, ha2 = (md5(t.encode()).hexdigest() for t in ("us:carrier:pw", f"INVITE:{uri(second)}"))
    text = f"{ha1}:abc:00000001:{cnonce[1]}:auth:{ha2}"
    assert f'response="{md5(text.encode()).hexdigest()}"' in value
    return second


def uri(request: Sip) -> str:
    return request.start.split()[1]


async def test_carrier_challenge(world: World) -> None:
    second = await challenged(world)
    world.b.respond(second, 200, sdp=PHONE_SDP)
    ack = await world.b.expect("ACK")
    assert ack.cseq == 2 and ack.all("Proxy-Authorization")
    answer = await world.caller.expect("200 INVITE")
    uac = Dialogue(
        world.caller, call_id=answer["Call-ID"], local=answer["From"], remote=answer["To"],
        target=answer.contact, cseq=1,
    )  # fmt: skip
    uac.ack(answer)
    await world.hangs_up(uac)
    bye = await world.b.expect("BYE")
    challenge = 'Digest realm="carrier", nonce="def", qop="auth"'
    world.b.respond(bye, 401, extra=f"WWW-Authenticate: {challenge}\r\n")
    again = await world.b.expect("BYE")
    assert again.cseq > bye.cseq and 'nonce="def"' in again["Authorization"]
    world.b.respond(again, 401, extra=f"WWW-Authenticate: {challenge}\r\n")
    await world.ended("caller_hangup", by="caller")


async def test_refused_credentials_do_not_loop(world: World) -> None:
    second = await challenged(world)
    challenge = 'Digest realm="carrier", nonce="new", qop="auth"'
    world.b.respond(second, 407, extra=f"Proxy-Authenticate: {challenge}\r\n")
    refusal = await world.caller.expect("503 INVITE")
    world.caller.send(
        f"ACK {world.uac().target} SIP/2.0\r\nVia: {refusal['Via']}\r\nFrom: {refusal['From']}\r\n"
        f"To: {refusal['To']}\r\nCall-ID: {refusal['Call-ID']}\r\nCSeq: 1 ACK\r\n\r\n"
    )
    await world.ended("unreachable", by="callee", status=503)
    assert len({m.cseq for m in world.b.seen if m.kind == "INVITE"}) == 2


# --- limits ---------------------------------------------------------------------------------------


async def test_channels_in(world: World) -> None:
    world.trunk("in", 1, sources=("127.0.0.2/32",), max_channels=1)
    uac, _ = await world.bridged()
    for _ in range(2):
        second = world.uac()
        second.request("INVITE", sdp=PHONE_SDP)
        refusal = await world.caller.expect("503 INVITE")
        assert refusal["Retry-After"] == "1"
        second.ack_failure(refusal)
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await until(lambda: world.gate.channels(world.trunks["in"].id) == 0)
    third, _ = await world.bridged()
    await world.hangs_up(third)
    await world.gets_bye(world.a)
    await world.settled()
    assert len(await world.story()) == 2


async def test_calls_per_second_in(world: World) -> None:
    world.trunk("in", 1, sources=("127.0.0.2/32",), max_calls_per_second=2)
    world.control.verbs = ()
    for _ in range(6):
        world.uac().request("INVITE", sdp=PHONE_SDP)
    await until(lambda: len(world.control.asked) + world.caller.count("503 INVITE") >= 6)
    await world.settled()
    assert len(await world.story()) == len(world.control.asked) == 2


@pytest.mark.parametrize("limit", ["max_channels", "max_calls_per_second"])
async def test_limits_out_fail_over(world: World, limit: str) -> None:
    where = {"peer_host": world.b.host, "peer_port": world.b.port}
    world.trunk("b", 3, **where, **{limit: 1})
    world.dial("b", "b", "a", number="+15550009999")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.b.expect("INVITE")
    second = world.uac()
    second.request("INVITE", sdp=PHONE_SDP)
    other = await world.a.expect("INVITE")
    world.b.respond(invite, 486)
    world.a.respond(other, 486)
    for _ in range(2):
        await world.caller.expect("486 INVITE")
    await world.settled()
    stories = (await world.story()).values()
    assert [kinds(events).count("leg.created") for events in stories] == [2, 2]


async def test_limit_with_nowhere_else_to_go(world: World) -> None:
    world.trunk("b", 3, peer_host=world.b.host, peer_port=world.b.port, max_channels=0)
    world.dial("b")
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("503 INVITE"))
    await world.ended("limit_reached", by="system", status=503)


# --- streams --------------------------------------------------------------------------------------


async def tcp_bridged(world: World) -> tuple[Any, Any, Dialogue, Dialogue]:
    caller, callee = await world.tcp("127.0.0.2"), await world.tcp("127.0.0.3")
    await caller.connect()
    world.trunk("t", 6, peer_host=callee.host, peer_port=callee.port, peer_transport="tcp")
    world.dial("t")
    uac, uas = await world.bridged(caller, callee)
    return caller, callee, uac, uas


async def test_over_tcp(world: World) -> None:
    _, callee, uac, _ = await tcp_bridged(world)
    await world.hangs_up(uac)
    await world.gets_bye(callee)
    await world.ended("caller_hangup", by="caller")


@pytest.mark.parametrize("who", [0, 1])
async def test_tcp_peer_that_closed_its_connection_is_reached_anew(world: World, who: int) -> None:
    caller, callee, uac, uas = await tcp_bridged(world)
    gone, other = ((caller, uas), (callee, uac))[who]
    gone.hang()
    await asyncio.sleep(3 * T1)
    await world.hangs_up(other)
    await world.gets_bye(gone)
    by = ("callee", "caller")[who]
    await world.ended(f"{by}_hangup", by=by)


async def test_tcp_peer_that_has_gone_for_good(world: World) -> None:
    _, callee, uac, _ = await tcp_bridged(world)
    callee.close()
    await asyncio.sleep(3 * T1)
    await world.hangs_up(uac)
    await world.ended("caller_hangup", by="caller")


async def test_an_idle_connection_goes_unless_a_dialog_lives_on_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_TCP_IDLE_SECONDS", 0.2)
    _, callee, uac, _ = await tcp_bridged(world)
    used = set(world.agent.transports._connections.values())
    assert len(used) == 2
    for _ in range(2):  # each idle connection lives through one period
        reader, writer = await asyncio.open_connection(*world.engine, local_addr=("127.0.0.9", 0))
        assert await reader.read() == b""
        writer.close()
    assert set(world.agent.transports._connections.values()) == used
    await world.hangs_up(uac)
    await world.gets_bye(callee)
    await world.ended("caller_hangup", by="caller")


async def test_one_host_cannot_take_all_connections(world: World) -> None:
    """And what it has taken never hinders our own."""
    streams = []
    try:
        for _ in range(270):
            pair = await asyncio.open_connection(*world.engine, local_addr=("127.0.0.9", 0))
            streams.append(pair)
        refused = [reader for reader, _ in streams if reader.at_eof()]
        await until(lambda: len([r for r, _ in streams if r.at_eof() or r.exception()]) == 14)
        assert len(refused) <= 14
        _, callee, uac, _ = await tcp_bridged(world)
        await world.hangs_up(uac)
        await world.gets_bye(callee)
        await world.ended("caller_hangup", by="caller")
    finally:
        for _, writer in streams:
            writer.close()
    await until(lambda: not world.agent.transports._hosts["127.0.0.9"])


# --- many -----------------------------------------------------------------------------------------


async def test_three_hundred_calls_leave_nothing(world: World) -> None:
    """Answered, refused and cancelled ones in turn."""

    async def target() -> None:
        number = 0
        while True:
            invite = await world.a.expect("INVITE", 60)
            if invite.text.count("branch=") and invite.branch in seen:
                continue
            seen.add(invite.branch)
            number += 1
            if number % 3 == 0:
                world.a.respond(invite, 486)
            elif number % 3 == 1:
                world.a.respond(invite, 200, sdp=PHONE_SDP)
            else:
                world.a.respond(invite, 180)

    seen: set[str] = set()
    callers: dict[str, Dialogue] = {}
    done: set[str] = set()
    task = asyncio.ensure_future(target())

    def took(message: Sip) -> None:
        call = message["Call-ID"] if message.all("Call-ID") else ""
        uac = callers.get(call)
        if message.kind == "BYE":
            world.caller.respond(message, 200)
        elif uac is None or call in done:
            return
        elif message.kind == "200 INVITE":
            done.add(call)
            uac.ack(message)
            uac.request("BYE")
        elif message.kind == "180 INVITE":
            done.add(call)
            uac.cancel()
        elif message.kind == "486 INVITE":
            done.add(call)
            uac.ack_failure(message)

    def answer(message: Sip) -> None:
        if message.kind == "BYE":
            world.a.respond(message, 200)
        elif message.kind == "CANCEL":
            world.a.respond(message, 200)
            for invite in [m for m in world.a.seen if m.kind == "INVITE"]:
                if invite.branch == message.branch:
                    world.a.respond(invite, 487)
                    break

    for peer, react in ((world.caller, took), (world.a, answer)):
        peer.react = react
    try:
        for _ in range(60):
            for _ in range(5):
                uac = world.uac()
                callers[uac.call_id] = uac
                uac.request("INVITE", sdp=PHONE_SDP)
            await until(lambda: len(done) == len(callers), 20)
        await world.settled()
    finally:
        task.cancel()
    stories = await world.story()
    reasons = [events[-1].data["reason"] for events in stories.values()]
    assert len(reasons) == 300
    assert {r: reasons.count(r) for r in set(reasons)} == {
        "caller_hangup": 100, "caller_cancel": 100, "busy": 100,
    }  # fmt: skip
