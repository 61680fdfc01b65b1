"""Who may call, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from typing import Any
from uuid import UUID

import pytest

from ringfence.engine.ports import ConfigSnapshot, DeviceConfig, TrunkConfig
from ringfence.engine.signalling.gate import Challenged, Gate, Refused, Silence, Verdict
from ringfence.engine.signalling.transport import Flow
from ringfence.kernel.clock import ManualClock
from ringfence.protocols.sip.message import Headers, Request

REALM = "ringfence"
URI = "sip:+15551230002@127.0.0.1"


def trunk(number: int, **fields: Any) -> TrunkConfig:
    return TrunkConfig(id=UUID(int=number), tenant=None, name=f"t{number}", **fields)


def h(text: str, algorithm: str = "MD5") -> str:
    return (md5 if algorithm == "MD5" else sha256)(
        text.encode("utf-8", "surrogateescape")
    ).hexdigest()


BY_SOURCE = trunk(1, sources=("192.0.2.0/24",))
NARROW = trunk(2, sources=("192.0.2.7/32",))
BY_PASSWORD = trunk(
    3, username="pbx", ha1_md5=h(f"pbx:{REALM}:secret"), ha1_sha256=h(f"pbx:{REALM}:secret", "SHA")
)
BOTH = trunk(
    4,
    sources=("198.51.100.1/32",),
    username="both",
    ha1_md5=h(f"both:{REALM}:secret"),
    ha1_sha256=h(f"both:{REALM}:secret", "SHA"),
)


DESK = DeviceConfig(
    UUID(int=9), UUID(int=8), "desk", h(f"desk:{REALM}:secret"), h(f"desk:{REALM}:secret", "SHA")
)


class World:
    def __init__(self, *trunks: TrunkConfig, devices: tuple[DeviceConfig, ...] = ()) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.gate = Gate(self.clock, REALM)
        self.gate.load(ConfigSnapshot(1, trunks, devices))

    def admit(self, host: str, authorization: str | None = None, method: str = "INVITE") -> Verdict:
        headers = Headers()
        if authorization is not None:
            headers.add("Authorization", authorization)
        flow = Flow("udp", ("127.0.0.1", 5060), (host, 5060), None)  # type: ignore[arg-type]
        return self.gate.admit(Request(method, URI, headers), flow)

    def nonce(self, host: str) -> str:
        verdict = self.admit(host)
        assert isinstance(verdict, Challenged)
        return verdict.challenges[0].split('nonce="')[1].split('"')[0]


def answer(
    nonce: str, *, user: str = "pbx", password: str = "secret", algorithm: str = "MD5",
    realm: str = REALM, uri: str = URI, method: str = "INVITE", count: int = 1,
) -> str:  # fmt: skip
    """RFC 7616 3.4.1, computed here."""
    ha1 = h(f"{user}:{realm}:{password}", algorithm)
    ha2 = h(f"{method}:{uri}", algorithm)
    response = h(f"{ha1}:{nonce}:{count:08x}:abc:auth:{ha2}", algorithm)
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}, qop=auth, cnonce="abc", nc={count:08x}'
    )


def test_the_narrowest_network_names_the_trunk() -> None:
    world = World(BY_SOURCE, NARROW)
    assert world.admit("192.0.2.9") == BY_SOURCE
    assert world.admit("192.0.2.7") == NARROW


def test_a_stranger_is_not_answered_where_nobody_uses_a_password() -> None:
    assert isinstance(World(BY_SOURCE).admit("203.0.113.1"), Silence)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_right_password_from_anywhere(algorithm: str) -> None:
    world = World(BY_SOURCE, BY_PASSWORD)
    credentials = answer(world.nonce("203.0.113.1"), algorithm=algorithm)
    assert world.admit("203.0.113.1", credentials) == BY_PASSWORD


def test_wrong_password_and_unknown_user_look_the_same() -> None:
    world = World(BY_PASSWORD)
    nonce = world.nonce("203.0.113.1")
    wrong = world.admit("203.0.113.1", answer(nonce, password="guess"))
    unknown = world.admit("203.0.113.1", answer(nonce, user="nobody"))
    assert wrong == unknown == Refused(403)


def test_credentials_do_not_travel() -> None:
    world = World(BY_PASSWORD)
    nonce = world.nonce("203.0.113.1")
    assert isinstance(world.admit("203.0.113.2", answer(nonce)), Challenged)
    assert world.admit("203.0.113.1", answer(nonce), method="BYE") == Refused(403)
    assert world.admit("203.0.113.1", answer(nonce, uri="sip:+1900@127.0.0.1")) == Refused(403)
    assert world.admit("203.0.113.1", answer(nonce, realm="other")) == Refused(403)
    assert isinstance(world.admit("203.0.113.1", answer("1.2")), Challenged)
    assert isinstance(world.admit("203.0.113.1", answer("\udc80")), Challenged)


def test_a_nonce_ages() -> None:
    world = World(BY_PASSWORD)
    nonce = world.nonce("203.0.113.1")
    credentials = answer(nonce)
    world.clock.advance(timedelta(seconds=60))
    assert world.admit("203.0.113.1", credentials) == BY_PASSWORD
    world.clock.advance(timedelta(seconds=1))
    verdict = world.admit("203.0.113.1", answer(nonce, count=2))
    assert isinstance(verdict, Challenged)
    assert all("stale=true" in value for value in verdict.challenges)


def test_a_trunk_with_address_and_password_needs_both() -> None:
    world = World(BOTH, BY_PASSWORD)
    assert isinstance(world.admit("198.51.100.1"), Challenged)
    good = answer(world.nonce("198.51.100.1"), user="both")
    assert world.admit("198.51.100.1", good) == BOTH
    elsewhere = answer(world.nonce("203.0.113.1"), user="both")
    assert world.admit("203.0.113.1", elsewhere) == Refused(403)
    other = answer(world.nonce("198.51.100.1"), user="pbx")
    assert world.admit("198.51.100.1", other) == Refused(403)


def test_channels_are_counted_and_given_back() -> None:
    limited = trunk(1, max_channels=2)
    gate = World(limited).gate
    assert [gate.take(limited) for _ in range(3)] == [True, True, False]
    gate.release(limited)
    assert gate.channels(limited.id) == 1
    assert gate.take(limited)


def test_calls_per_second() -> None:
    limited = trunk(1, max_calls_per_second=2)
    world = World(limited)
    assert [world.gate.take(limited) for _ in range(3)] == [True, True, False]
    world.clock.advance(timedelta(milliseconds=500))
    assert [world.gate.take(limited) for _ in range(2)] == [True, False]
    world.clock.advance(timedelta(seconds=60))
    assert [world.gate.take(limited) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_a_nonce_proves_nothing_twice(method: str) -> None:
    world = World(BY_PASSWORD, devices=(DESK,))
    user, who = ("pbx", BY_PASSWORD) if method == "INVITE" else ("desk", DESK)
    nonce, host = world.nonce("203.0.113.1"), "203.0.113.1"

    def use(count: int) -> Verdict:
        credentials = answer(nonce, user=user, method=method, count=count)
        return world.admit(host, credentials, method)

    assert [use(1), use(2), use(40)] == [who, who, who]
    for count in (1, 40, 39):
        verdict = use(count)
        assert isinstance(verdict, Challenged)
        assert all("stale=true" in value for value in verdict.challenges)
    assert use(41) == who


def test_each_challenge_has_a_nonce_of_its_own_and_used_ones_are_forgotten() -> None:
    world = World(BY_PASSWORD)
    nonces = {world.nonce("203.0.113.1") for _ in range(20)}
    assert len(nonces) == 20
    for nonce in nonces:
        assert world.admit("203.0.113.1", answer(nonce)) == BY_PASSWORD
    world.clock.advance(timedelta(seconds=61))
    assert world.admit("203.0.113.1", answer(world.nonce("203.0.113.1"))) == BY_PASSWORD
    assert len(world.gate._used) == 1


def test_a_wrong_password_uses_up_no_nonce() -> None:
    world = World(BY_PASSWORD)
    nonce = world.nonce("203.0.113.1")
    assert world.admit("203.0.113.1", answer(nonce, password="guess")) == Refused(403)
    assert world.admit("203.0.113.1", answer(nonce)) == BY_PASSWORD


@pytest.mark.parametrize("host", ["203.0.113.1", "192.0.2.9"])
def test_devices_register_from_anywhere_and_do_nothing_else(host: str) -> None:
    world = World(BY_SOURCE, devices=(DESK,))
    assert world.gate.answers_strangers
    verdict = world.admit(host, method="REGISTER")
    assert isinstance(verdict, Challenged)
    nonce = verdict.challenges[0].split('nonce="')[1].split('"')[0]
    good = answer(nonce, user="desk", method="REGISTER")
    assert world.admit(host, good, "REGISTER") == DESK
    for user in ("desk", "nobody", "pbx"):
        wrong = answer(nonce, user=user, password="guess", method="REGISTER")
        assert world.admit(host, wrong, "REGISTER") == Refused(403)
    invite = world.admit(host, answer(nonce, user="desk", count=2))
    assert invite == (BY_SOURCE if host.startswith("192") else Refused(403))


def test_a_trunk_does_not_register() -> None:
    world = World(BY_PASSWORD, devices=(DESK,))
    credentials = answer(world.nonce("203.0.113.1"), method="REGISTER")
    assert world.admit("203.0.113.1", credentials, "REGISTER") == Refused(403)


def test_without_devices_a_register_is_like_any_other_request() -> None:
    assert isinstance(World(BY_SOURCE).admit("203.0.113.1", method="REGISTER"), Silence)
    assert World(BY_SOURCE).admit("192.0.2.9", method="REGISTER") == BY_SOURCE


def test_only_what_is_offered_is_taken() -> None:
    world = World(BY_PASSWORD)
    world.gate._algorithms = ("MD5",)
    verdict = world.admit("203.0.113.1")
    assert isinstance(verdict, Challenged)
    assert ["algorithm=MD5" in value for value in verdict.challenges] == [True]
    nonce = world.nonce("203.0.113.1")
    sha = answer(nonce, algorithm="SHA-256")
    assert world.admit("203.0.113.1", sha) == Refused(403)
    assert world.admit("203.0.113.1", answer(nonce)) == BY_PASSWORD


def test_a_sip_uri_leads_to_no_trunk_of_somebody_else() -> None:
    """A carrier that knows us by our address would let such calls through, unpaid."""
    acme, bolt = UUID(int=20), UUID(int=21)
    own = TrunkConfig(id=UUID(int=5), tenant=acme, name="pbx", sources=("203.0.113.1/32",))
    out = trunk(6, peer_host="carrier.example.net")
    gate = World(BY_SOURCE, own, out, trunk(7, peer_host="203.0.113.9")).gate
    assert gate.may_dial("203.0.113.50", acme)
    assert gate.may_dial("203.0.113.1", acme) and not gate.may_dial("203.0.113.1", bolt)
    for host in ("192.0.2.7", "203.0.113.9"):
        assert not gate.may_dial(host, acme)
    assert gate.may_dial("203.0.113.10", acme)
    gate.reached(out, "203.0.113.10")
    assert not gate.may_dial("203.0.113.10", acme)
    gate.load(ConfigSnapshot(2, (out,)))
    assert not gate.may_dial("203.0.113.10", acme), "what was found out outlives a configuration"
    gate.reached(own, "203.0.113.50")
    assert gate.may_dial("203.0.113.50", bolt), "a tenant's claim keeps nobody from anybody"
