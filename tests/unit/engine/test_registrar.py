"""Registrations on real sockets: raw phones register, are called, go away, come back."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.unit.engine.calls.harness import PHONE_SDP, World, until, world_at
from tests.unit.engine.calls.peers import Peer, Sip, serial

from ringfence.engine.ports import ConfigSnapshot, DeviceConfig
from ringfence.engine.verbs.model import DeviceTarget, Dial
from ringfence.kernel.clock import SystemClock

REALM = "ringfence"
TENANT = UUID(int=77)


def h(text: str, algorithm: str = "SHA-256") -> str:
    return (md5 if algorithm == "MD5" else sha256)(text.encode()).hexdigest()


def device(number: int, username: str, password: str = "correct-horse-9") -> DeviceConfig:
    line = f"{username}:{REALM}:{password}"
    return DeviceConfig(UUID(int=number), TENANT, username, h(line, "MD5"), h(line))


FRONT, BACK = device(501, "front"), device(502, "back")


class Skewed(SystemClock):
    """The machine's clock, and what was added to it."""

    def __init__(self) -> None:
        self.added = 0

    def micros(self) -> int:
        return super().micros() + self.added

    def advance(self, by: timedelta) -> None:
        self.added += int(by.total_seconds() * 1_000_000)


class Phone:
    """Registers one peer; computes digests by itself (RFC 7616 3.4.1)."""

    def __init__(
        self, world: World, peer: Peer, username: str = "front", password: str = "correct-horse-9"
    ) -> None:
        self.world, self.peer = world, peer
        self.username, self.password = username, password
        self.call_id, self.cseq = f"reg{serial()}@phone", 0
        self.nonce, self.count = "", 0
        self.algorithm = "SHA-256"

    @property
    def contact(self) -> str:
        return f"sip:{self.username}@{self.peer.host}:{self.peer.port}{self.peer.suffix}"

    def send(
        self,
        contacts: tuple[str, ...] | None = None,
        *,
        extra: str = "",
        aor: str | None = None,
        count: int | None = None,
        cseq: int | None = None,
        method: str = "REGISTER",
    ) -> None:
        """One request, with credentials once there is a nonce."""
        uri = f"sip:127.0.0.1:{self.world.port}"
        if cseq is None:
            self.cseq += 1
        if count is None:
            self.count += 1
        lines = "".join(f"Contact: {text}\r\n" for text in self.usual(contacts))
        if self.nonce:
            nc = f"{self.count if count is None else count:08x}"
            ha1 = h(f"{self.username}:{REALM}:{self.password}", self.algorithm)
            ha2 = h(f"{method}:{uri}", self.algorithm)
            response = h(f"{ha1}:{self.nonce}:{nc}:abc:auth:{ha2}", self.algorithm)
            lines += (
                f'Authorization: Digest username="{self.username}", realm="{REALM}", '
                f'nonce="{self.nonce}", uri="{uri}", response="{response}", '
                f'algorithm={self.algorithm}, qop=auth, cnonce="abc", nc={nc}\r\n'
            )
        own = f"<sip:{aor or self.username}@127.0.0.1>"
        self.peer.send(
            f"{method} {uri} SIP/2.0\r\n{self.peer.via()}Max-Forwards: 70\r\n"
            f"From: {own};tag=r{serial()}\r\nTo: {own}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {self.cseq if cseq is None else cseq} {method}\r\n{lines}{extra}"
            "Content-Length: 0\r\n\r\n"
        )

    def usual(self, contacts: tuple[str, ...] | None) -> tuple[str, ...]:
        return (f"<{self.contact}>",) if contacts is None else contacts

    async def challenged(self, **options: Any) -> Sip:
        """Take a nonce from the 401."""
        self.nonce = ""
        self.send(**options)
        answer = await self.peer.expect(f"401 {options.get('method', 'REGISTER')}")
        self.take(answer)
        return answer

    def take(self, answer: Sip) -> None:
        found = re.search(r'nonce="([^"]+)"', answer["WWW-Authenticate"])
        assert found
        self.nonce, self.count = found[1], 0

    async def register(
        self, *contacts: str, status: int = 200, extra: str = "", **options: Any
    ) -> Sip:
        """REGISTER, with a challenge first where none was answered yet."""
        if not self.nonce:
            await self.challenged()
        self.send(contacts or None, extra=extra, **options)
        return await self.peer.expect(f"{status} REGISTER")

    async def bindings(self) -> dict[str, int]:
        """What is registered: contact and seconds."""
        if not self.nonce:
            await self.challenged()
        self.send(())
        return bound(await self.peer.expect("200 REGISTER"))


def bound(answer: Sip) -> dict[str, int]:
    found = {}
    for text in answer.all("Contact"):
        match = re.match(r"<([^>]+)>;expires=(\d+)", text)
        assert match, text
        found[match[1]] = int(match[2])
    return found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(tmp_path / "spool") as made:
        equip(made, FRONT, BACK)
        yield made


def equip(world: World, *devices: DeviceConfig) -> None:
    """Put these devices in force, beside the trunks."""
    trunks = tuple(world.trunks.values())
    world.gate.load(ConfigSnapshot(1, trunks, devices))
    world.manager.registered = world.registrar.places


def skew(world: World) -> Skewed:
    clock = Skewed()
    world.gate._clock = world.registrar._clock = clock
    return clock


def where(world: World, which: DeviceConfig = FRONT) -> list[str]:
    return [place.uri for place in world.registrar.places(target(which))]


def target(which: DeviceConfig) -> DeviceTarget:
    return DeviceTarget(which.id, which.username)


# --- who may register ---------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_a_phone_registers_and_is_called(world: World, algorithm: str) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    phone.algorithm = algorithm
    challenge = await phone.challenged()
    assert [text.split("algorithm=")[1] for text in challenge.all("WWW-Authenticate")] == [
        'SHA-256, qop="auth"',
        'MD5, qop="auth"',
    ]
    answer = await phone.register()
    assert bound(answer) == {phone.contact: 3600}
    world.control.verbs = (Dial((target(FRONT),)),)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await phone.peer.expect("INVITE")
    assert invite.start == f"INVITE {phone.contact} SIP/2.0"
    phone.peer.respond(invite, 200, sdp=PHONE_SDP)
    await phone.peer.expect("ACK")
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(phone.peer.dialog(invite))
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


async def test_wrong_password_and_unknown_user_get_the_same(world: World) -> None:
    answers = []
    for username, password in (("front", "guess"), ("nobody", "guess"), ("nobody", "")):
        phone = Phone(world, await world.udp("127.0.0.9"), username, password)
        first = await phone.challenged()
        answer = await phone.register(status=403)
        answers.append([shape(first), shape(answer)])
    assert answers[0] == answers[1] == answers[2]
    assert where(world) == []


def shape(message: Sip) -> list[str]:
    """A message without what is different each time, or comes from the request."""
    varying = ("via", "from", "to", "call-id", "cseq")
    lines = [line for line in message.lines if line.split(":")[0].lower() not in varying]
    return [message.start, *(re.sub(r'nonce="[^"]*"', "", line) for line in lines)]


async def test_nobody_registers_as_somebody_else(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"), "back")
    await phone.register(status=403, aor="front")
    assert where(world) == where(world, BACK) == []


async def test_without_devices_a_stranger_s_register_is_not_answered(world: World) -> None:
    equip(world)
    silent, known = await world.udp("127.0.0.9"), await world.udp("127.0.0.2")
    Phone(world, silent).send()
    Phone(world, known).send()
    await known.expect("405 REGISTER")
    assert silent.seen == []


async def test_a_phone_behind_a_trunk_s_address_registers(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.2"))
    await phone.register()
    assert where(world) == [phone.contact]


async def test_devices_place_no_calls(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register()
    await phone.challenged(method="INVITE")
    phone.send(method="INVITE")
    await phone.peer.expect("403 INVITE")
    assert not world.manager.calls


async def test_credentials_are_good_once(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register()
    thief = Phone(world, await world.udp("127.0.0.9"))
    thief.nonce = phone.nonce
    thief.send((f"<{thief.contact}>",), count=1)
    answer = await thief.peer.expect("401 REGISTER")
    assert all("stale=true" in text for text in answer.all("WWW-Authenticate"))
    assert where(world) == [phone.contact]
    phone.send(count=2)
    await phone.peer.expect("200 REGISTER")
    phone.send(count=2)
    phone.take(await phone.peer.expect("401 REGISTER"))
    await phone.register()


async def test_two_phones_behind_one_address_do_not_use_up_each_other_s_nonce(
    world: World,
) -> None:
    phones = [Phone(world, await world.udp("127.0.0.9"), name) for name in ("front", "back")]
    for phone in phones:
        await phone.challenged()
    for phone in phones:
        await phone.register()


# --- what is registered -------------------------------------------------------------------------


async def test_contacts_are_called_by_preference(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    low, high = "sip:low@127.0.0.9:1", "sip:high@127.0.0.9:2"
    answer = await phone.register(f"<{low}>;q=0.2", f'"H, x" <{high}>;q=0.9;expires=90')
    assert bound(answer) == {low: 3600, high: 90}
    assert sorted(text.split(";q=")[1] for text in answer.all("Contact")) == ["0.2", "0.9"]
    assert where(world) == [high, low]
    assert await phone.bindings() == {low: 3600, high: 90}


async def test_one_contact_line_may_name_several(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register("<sip:a@127.0.0.9>, <sip:b@127.0.0.9>")
    assert where(world) == ["sip:a@127.0.0.9", "sip:b@127.0.0.9"]


@pytest.mark.parametrize(
    ("contact", "extra", "seconds"),
    [
        ("<sip:a@h>;expires=120", "Expires: 240\r\n", 120),
        ("<sip:a@h>", "Expires: 240\r\n", 240),
        ("<sip:a@h>", "", 3600),
        ("<sip:a@h>;expires=86400", "", 3600),
        ("<sip:a@h>;expires=99999999999999999999", "", 3600),
        ("<sip:a@h>;expires=soon", "", 3600),
        ("<sip:a@h>;expires=60", "", 60),
    ],
)
async def test_how_long_a_binding_lasts(
    world: World, contact: str, extra: str, seconds: int
) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    clock = skew(world)
    assert bound(await phone.register(contact, extra=extra)) == {"sip:a@h": seconds}
    clock.advance(timedelta(seconds=seconds - 2))
    assert where(world) == ["sip:a@h"]
    clock.advance(timedelta(seconds=2))
    assert where(world) == []


async def test_too_brief_changes_nothing(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    answer = await phone.register("<sip:a@h>", "<sip:b@h>;expires=59", status=423)
    assert answer["Min-Expires"] == "60"
    assert where(world) == []


async def test_zero_takes_a_contact_away_and_the_star_takes_all(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register("<sip:a@h>", "<sip:b@h>", "<sip:c@H:5060;transport=udp>")
    left = await phone.register("<sip:a@H>;expires=0")
    assert list(bound(left)) == ["sip:b@h", "sip:c@H:5060;transport=udp"]
    await phone.register("*", status=400)
    await phone.register("*", extra="Expires: 60\r\n", status=400)
    await phone.register("*", "<sip:d@h>", extra="Expires: 0\r\n", status=400)
    assert len(where(world)) == 2
    assert bound(await phone.register("*", extra="Expires: 0\r\n")) == {}
    assert where(world) == []


async def test_a_late_request_changes_nothing(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register("<sip:a@h>", cseq=10)
    for contacts, extra in ((("<sip:a@h>;expires=0",), ""), (("*",), "Expires: 0\r\n")):
        for cseq in (9, 10):
            await phone.register(*contacts, extra=extra, cseq=cseq, status=500)
    await phone.register("<sip:new@h>", "<sip:a@h>;expires=0", cseq=9, status=500)
    assert where(world) == ["sip:a@h"]
    phone.call_id = "another@phone"
    await phone.register("<sip:a@h>;expires=0", cseq=1)
    assert where(world) == []


async def test_the_contact_refreshed_longest_ago_makes_room(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    for name in "abcde":
        await phone.register(f"<sip:{name}@h>")
    await phone.register("<sip:a@h>")
    await phone.register("<sip:f@h>")
    assert where(world) == [f"sip:{name}@h" for name in "cdeaf"]
    many = [f"<sip:{name}@h>" for name in "uvwxyz"]
    await phone.register(*many, status=400)


async def test_a_phone_that_moved_is_called_once(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    same = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
    await phone.register(f"<sip:a@10.0.0.1>;{same};reg-id=1")
    phone.call_id = "after-reboot@phone"
    await phone.register(f"<sip:a@10.9.9.9>;{same};reg-id=1")
    assert where(world) == ["sip:a@10.9.9.9"]
    await phone.register(f"<sip:a@10.9.9.9:5070>;{same};reg-id=2")
    assert len(where(world)) == 2


@pytest.mark.parametrize(
    "contact",
    [
        "<tel:+12025550100>",
        "<sips:a@h>",
        "<sip:a@h>;q=2",
        f"<sip:{'a' * 600}@h>",
        "<sip:a@>",
        "<http://h>",
        "<sip:ä@h;x=ä>",
        '<sip:a"b@h>',
    ],
)
async def test_a_contact_that_cannot_be_called_is_refused(world: World, contact: str) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    answer = await _refused(phone, contact)
    assert answer.start.split()[1] in ("400", "416")
    assert where(world) == []
    await phone.register("<sip:a@h>")


async def test_a_contact_s_header_fields_are_kept_and_not_called(world: World) -> None:
    """RFC 4475 3.3.14; they may not stand in a Request-URI (RFC 3261 19.1.1)."""
    phone = Phone(world, await world.udp("127.0.0.9"))
    contact = "<sip:a@h?Route=%3Csip:sip.example.com%3E>"
    assert contact in (await phone.register(contact))["Contact"]
    assert where(world) == ["sip:a@h"]


async def _refused(phone: Phone, contact: str) -> Sip:
    await phone.challenged()
    before = len(phone.peer.seen)
    phone.send((contact,))
    await until(lambda: len(phone.peer.seen) > before)
    return phone.peer.seen[before]


async def test_an_extension_that_is_required_is_refused(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    answer = await phone.register(extra="Require: gruu\r\n", status=420)
    assert answer["Unsupported"] == "gruu"
    assert where(world) == []


async def test_another_password_or_no_device_ends_bindings(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register()
    equip(world, BACK)
    assert where(world) == []
    equip(world, FRONT)
    assert where(world) == [phone.contact]
    equip(world, msgspec.structs.replace(FRONT, ha1_sha256="ff" * 32))
    assert where(world) == []
    equip(world, FRONT)
    assert where(world) == [], "it was registered with a password that was replaced since"


# --- the way back -------------------------------------------------------------------------------


async def test_a_phone_behind_nat_is_called_the_way_it_came(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register("<sip:front@10.1.2.3:5060>")
    for keep_alive in ("\r\n\r\n", "\r\n", "\0", "\0\0\0\0"):
        phone.peer.send(keep_alive)
    world.control.verbs = (Dial((target(FRONT),)),)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await phone.peer.expect("INVITE")
    assert invite.start == "INVITE sip:front@10.1.2.3:5060 SIP/2.0"
    phone.peer.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.settled()


async def test_a_phone_on_tcp_is_called_over_its_connection(world: World) -> None:
    peer = await world.tcp("127.0.0.9")
    await peer.connect()
    phone = Phone(world, peer)
    await phone.register("<sip:front@10.1.2.3:5060;transport=tcp>")
    (place,) = world.registrar.places(target(FRONT))
    assert place.flow is not None and place.transport == "tcp"
    channel: Any = place.flow.channel
    world.control.verbs = (Dial((target(FRONT),)),)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await peer.expect("INVITE")
    peer.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    channel._close_idle()
    assert not channel.closed, "a phone is reached by it"
    peer.hang()
    await until(lambda: where(world) == [])
    channel._close_idle()
    assert channel.closed
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("480 INVITE"))


async def test_an_idle_connection_without_registration_closes(world: World) -> None:
    peer = await world.tcp("127.0.0.9")
    await peer.connect()
    phone = Phone(world, peer)
    await phone.register()
    (place,) = world.registrar.places(target(FRONT))
    assert place.flow is not None
    await phone.register("*", extra="Expires: 0\r\n")
    channel: Any = place.flow.channel
    channel._close_idle()
    assert channel.closed


async def test_all_contacts_ring_at_once(world: World) -> None:
    phones = [Phone(world, await world.udp("127.0.0.9")) for _ in range(2)]
    for phone in phones:
        await phone.register()
    world.control.verbs = (Dial((target(FRONT),)),)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first, second = [await phone.peer.expect("INVITE") for phone in phones]
    phones[0].peer.respond(first, 180)
    phones[1].peer.respond(second, 200, sdp=PHONE_SDP)
    cancel = await phones[0].peer.expect("CANCEL")
    phones[0].peer.respond(cancel, 200)
    phones[0].peer.respond(first, 487)
    await phones[1].peer.expect("ACK")
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(phones[1].peer)
    await world.settled()


# --- over a restart -----------------------------------------------------------------------------


async def restart(world: World) -> None:
    world.kept.close()
    await world.crash()
    equip(world, FRONT, BACK)
    world.registrar.restore(world.registrations, world.agent.transports)


async def test_a_registration_outlives_the_process(world: World) -> None:
    phone, other = [Phone(world, await world.udp("127.0.0.9"), name) for name in ("front", "back")]
    await phone.register("<sip:front@10.1.2.3:5060>;q=0.5;expires=600")
    await other.register()
    await other.register("*", extra="Expires: 0\r\n")
    await restart(world)
    (place,) = world.registrar.places(target(FRONT))
    assert place.uri == "sip:front@10.1.2.3:5060"
    assert (place.host, place.port) == (phone.peer.host, phone.peer.port)
    assert where(world, BACK) == []
    world.control.verbs = (Dial((target(FRONT),)),)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await phone.peer.expect("INVITE")
    phone.peer.respond(invite, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    late = phone.cseq
    phone.nonce = ""
    await phone.challenged()
    phone.send(("<sip:front@10.1.2.3:5060>;expires=0",), cseq=late)
    await phone.peer.expect("500 REGISTER")


async def test_a_connection_s_registration_does_not_outlive_the_process(world: World) -> None:
    peer = await world.tcp("127.0.0.9")
    await peer.connect()
    await Phone(world, peer).register()
    assert len(where(world)) == 1
    await restart(world)
    assert where(world) == []


async def test_what_ended_meanwhile_is_not_taken_up(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register("<sip:a@h>;expires=60")
    world.kept.close()
    await world.crash()
    equip(world, FRONT, BACK)
    skew(world).advance(timedelta(seconds=61))
    world.registrar.restore(world.registrations, world.agent.transports)
    assert where(world) == []
    await restart(world)
    assert world.registrations == {}


async def test_the_file_names_no_address_in_clear(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register("<sip:front@10.77.66.55:5060>")
    path = world.kept._path
    with sqlite3.connect(path) as database:
        ((count,),) = database.execute("SELECT count(*) FROM registration").fetchall()
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert count == 1 and FRONT.id.bytes in stored, "or nothing was looked at"
    for clear in (b"10.77.66.55", b"127.0.0.9", b"sip:", b"reg", phone.contact.encode()):
        assert clear not in stored.replace(b"registration", b""), clear


async def test_a_damaged_file_costs_what_was_kept_and_nothing_else(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register()
    path = world.kept._path
    world.kept.close()
    for file in path.parent.iterdir():
        file.write_bytes(b"not a database at all" * 500)
    await world.crash()
    equip(world, FRONT)
    world.registrar.restore(world.registrations, world.agent.transports)
    assert where(world) == []
    phone.nonce = ""
    await phone.register()
    assert where(world) == [phone.contact]
    world.errors.records.clear()


async def test_keys_are_renewed_and_old_ones_go_when_nothing_needs_them(world: World) -> None:
    phone = Phone(world, await world.udp("127.0.0.9"))
    await phone.register()
    await world.kept.renew()
    await world.kept.renew()
    assert _keys(world) == 2, "that of the binding, and the newest"
    await phone.register()
    await world.kept.renew()
    assert _keys(world) == 2
    await restart(world)
    assert where(world) == [phone.contact]


def _keys(world: World) -> int:
    with sqlite3.connect(world.kept._path) as database:
        ((count,),) = database.execute("SELECT count(*) FROM key").fetchall()
    return int(count)


async def test_registering_for_long_leaves_nothing_behind(world: World) -> None:
    clock = skew(world)
    phone = Phone(world, await world.udp("127.0.0.9"))
    for _ in range(5):
        phone.nonce = ""
        await phone.register("<sip:a@h>;expires=60")
        clock.advance(timedelta(seconds=61))
    world.registrar.sweep()
    assert world.registrar._bound == {}
    assert len(world.gate._used) <= 2
    await asyncio.sleep(0)
