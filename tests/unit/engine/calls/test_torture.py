"""What RFC 4475's messages are told on the wire: as ``ringfence sip lint`` says."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from tests.unit.engine.calls.harness import World, until
from tests.unit.engine.calls.peers import UdpPeer, serial

from ringfence.engine.signalling.examine import judge

RFC = Path(__file__).parents[3] / "protocol" / "fixtures" / "sip" / "rfc4475"
REGISTERS = {"cparam01", "cparam02", "dblreq", "escnull", "regescrt", "regaut01"}
"""Nobody registers here: there is no device."""
MESSAGES = sorted(path.stem for path in RFC.iterdir())


def expected(name: str, data: bytes) -> str | None:
    """The first answer, if there is to be one."""
    verdict = judge(data)
    if name in REGISTERS:
        return "405"
    if verdict.verdict == "rejected":
        return str(verdict.status)
    if data.startswith(b"SIP/2.0"):
        return None
    return "481" if name == "wsinv" else "200" if data.startswith(b"OPTIONS") else "100"


@pytest.fixture
async def peer(world: World) -> UdpPeer:
    """A trunk's peer at the port that most of the messages want their answer at."""
    host = f"127.7.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
    world.trunk("torturer", 7, sources=(host,))
    return await world.udp(host, 5060)


@pytest.mark.parametrize("name", MESSAGES)
async def test_it_is_answered_as_lint_says(name: str, world: World, peer: UdpPeer) -> None:
    data = (RFC / f"{name}.sip").read_bytes()
    peer.send(data)
    ping = f"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n{peer.via()}From: <sip:a@b>;tag=1\r\n"
    ping += f"To: <sip:x@127.0.0.1>\r\nCall-ID: {serial()}\r\nCSeq: 77 OPTIONS\r\n\r\n"
    peer.send(ping)
    await until(lambda: any(message.all("CSeq") == ["77 OPTIONS"] for message in peer.seen))
    found = [one.start.split()[1] for one in peer.seen if one.all("CSeq") != ["77 OPTIONS"]]
    wanted = expected(name, data)
    assert found[:1] == ([] if wanted is None else [wanted])
    assert not world.uncaught and not world.errors.records


async def test_strangers_learn_nothing(world: World) -> None:
    stranger = await world.udp("127.0.0.9")
    stranger.send((RFC / "mismatch02.sip").read_bytes())
    stranger.send((RFC / "clerr.sip").read_bytes())
    await until(lambda: world.agent.counters["malformed"] == 2)
    await asyncio.sleep(0.05)
    assert stranger.seen == []
