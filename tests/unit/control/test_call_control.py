"""What signalling gets told: configuration, routes, and a quick no when the database is away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from tests.keys_fixture import Keys
from tests.unit.control.test_delivery import outage

from ringfence.domains.accounts import api as accounts
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial, TrunkDial
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings.contracts import SettingsInfo
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import NewTrunk
from ringfence.domains.trunks.contracts import NumberFormat as StoredFormat
from ringfence.engine.ports import (
    ConfigRequest,
    ConfigSnapshot,
    NumberFormat,
    RecordingPlan,
    RouteDecision,
    RouteRequest,
)
from ringfence.engine.verbs.model import Dial, Facts, Reject, SipTarget, TrunkTarget, straight
from ringfence.entry.control import database as module
from ringfence.entry.control.consents import with_refusals
from ringfence.entry.control.database import ControlUnavailable, DatabaseThreads
from ringfence.entry.control.decisions import Decisions
from ringfence.entry.control.main import serve
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier, IdentifierKind
from ringfence.platform.rpc import RpcClient, RpcError
from ringfence.platform.settings import Settings

T = TypeVar("T")
DIALLED = "+12025550100"


class Installation:
    """An operator's carrier, a tenant with a PBX and a number, and another tenant."""

    def __init__(self) -> None:
        self.tenant = accounts.create_tenant("one").id
        self.other = accounts.create_tenant("two").id
        self.carrier = trunks.create_trunk(
            NewTrunk(
                name="carrier",
                sources=("192.0.2.0/24",),
                peer_host="192.0.2.1",
                auth_username="us",
                auth_password="pass",
                format=StoredFormat(country_code="49", style="no_plus", add_prefix="9"),
                max_channels=10,
            )
        ).id
        self.pbx = trunks.create_trunk(
            NewTrunk(name="pbx", tenant_id=self.tenant, username="pbx", password="secret")
        ).id
        self.foreign = trunks.create_trunk(
            NewTrunk(name="foreign", tenant_id=self.other, username="foreign", password="secret")
        ).id
        self.number = numbers.create_number(
            NewNumber(
                tenant_id=self.tenant,
                e164=DIALLED,
                dial=(TrunkDial(self.carrier, "+12025550199"), SipDial("sip:desk@192.0.2.9")),
                dial_timeout_seconds=20,
                caller_id=DIALLED,
                max_seconds=600,
            )
        ).id

    def route(self, trunk: UUID, called: str = DIALLED) -> RouteDecision:
        return Decisions().route(ask(trunk, called))


def ask(trunk: UUID, called: str = DIALLED) -> RouteRequest:
    clock = SystemClock()
    return RouteRequest(uuid7(clock), trunk, "+14155550100", called, clock.micros())


@pytest.fixture
def installation(db: DatabaseUrls) -> Installation:
    return Installation()


def test_configuration_carries_every_trunk_with_its_credentials(
    installation: Installation,
) -> None:
    snapshot = Decisions().config(ConfigRequest())
    assert snapshot is not None
    found = {trunk.id: trunk for trunk in snapshot.trunks}
    carrier, pbx = found[installation.carrier], found[installation.pbx]
    assert len(found) == 3
    assert (carrier.tenant, carrier.sources) == (None, ("192.0.2.0/24",))
    assert (carrier.peer_host, carrier.auth_username, carrier.auth_password) == (
        "192.0.2.1",
        "us",
        "pass",
    )
    assert carrier.format == NumberFormat(country_code="49", style="no_plus", add_prefix="9")
    assert (carrier.max_channels, carrier.max_calls_per_second) == (10, None)
    assert (pbx.tenant, pbx.username) == (installation.tenant, "pbx")
    assert pbx.ha1_md5
    assert pbx.ha1_sha256


def test_configuration_is_sent_only_when_it_changed(installation: Installation) -> None:
    decisions = Decisions()
    first = decisions.config(ConfigRequest())
    assert first is not None
    assert decisions.config(ConfigRequest(first.version)) is None
    trunks.create_trunk(NewTrunk(name="new", tenant_id=installation.tenant, peer_host="192.0.2.7"))
    second = decisions.config(ConfigRequest(first.version))
    assert second is not None
    assert second.version > first.version
    assert len(second.trunks) == 4


def test_a_dialled_number_decides_tenant_and_verbs(installation: Installation) -> None:
    expected = RouteDecision(
        installation.tenant,
        installation.number,
        straight(
            Dial(
                targets=(
                    TrunkTarget(installation.carrier, "+12025550199"),
                    SipTarget("sip:desk@192.0.2.9"),
                ),
                timeout_seconds=20,
                caller_id=DIALLED,
            ),
        ),
        facts=Facts("+14155550100", DIALLED, country="US", area="415", state="CA"),
        max_seconds=600,
        message=RecordingPlan("message"),
    )
    assert expected.recording is None, "off unless the tenant wants it"
    assert installation.route(installation.carrier) == expected
    assert installation.route(installation.pbx) == expected


def test_recording_is_decided_with_the_route_and_never_for_emergencies(
    installation: Installation,
) -> None:
    recordings.change_settings(installation.tenant, SettingsInfo(enabled=True, gap="tone"))
    plan = installation.route(installation.carrier).recording
    assert plan is not None
    assert (plan.gap, plan.rule, plan.customer_keys) == ("tone", "recordings", ())
    assert plan.basis
    spellings = ("+911", "+1911", "9-1-1", "911;phone-context=+1", "%39%31%31", "SOS")
    for index, user in enumerate(("911", "112", "933", "988", *spellings)):
        e164 = f"+1202555012{index}"
        dial = (SipDial(f"sip:{user}@psap.example.net"),)
        numbers.create_number(NewNumber(tenant_id=installation.tenant, e164=e164, dial=dial))
        decision = installation.route(installation.carrier, e164)
        assert (decision.emergency, decision.recording) == (True, None), user
    assert not installation.route(installation.carrier).emergency


def test_who_refuses_is_not_recorded(installation: Installation, keys: Keys) -> None:
    recordings.change_settings(installation.tenant, SettingsInfo(enabled=True))
    tenant, carrier, web = installation.tenant, installation.carrier, keys.blocking("web")

    def kept() -> list[bool]:
        plans = installation.route(carrier)
        return [
            plan is not None for plan in (plans.recording, plans.recording_later, plans.message)
        ]

    assert kept() == [True, True, True]
    web.suppress(installation.other, "no_recording", [Identifier("e164", "+14155550100")])
    web.suppress(tenant, "no_marketing", [Identifier("e164", "+14155550100")])
    assert kept() == [True, True, True], "of another tenant, or of something else"
    for target in ("+12025550199", "sip:desk@192.0.2.9"):
        kind: IdentifierKind = "e164" if target.startswith("+") else "user"
        web.suppress(tenant, "no_recording", [Identifier(kind, target)])
        assert kept() == [False, True, True], target
        later = with_refusals(tenant, installation.route(carrier).program)
        assert later.unrecorded
        keys.blocking("worker").unsuppress(tenant, "no_recording", [Identifier(kind, target)])
    assert not with_refusals(tenant, installation.route(carrier).program).unrecorded
    web.suppress(tenant, "no_recording", [Identifier("e164", "+14155550100")])
    assert kept() == [False, False, False]
    web.unsuppress(tenant, "no_recording", [Identifier("e164", "+14155550100")])
    assert kept() == [True, True, True]
    keys.stop()
    assert kept() == [False, False, False], "nobody can say that nobody refuses"
    keys.start()


def test_a_trunk_whose_credentials_do_not_open_is_left_out(
    installation: Installation, db: DatabaseUrls
) -> None:
    with psycopg.connect(db.owner) as connection:  # moved to another row
        connection.execute(
            "UPDATE trunks_trunk SET ha1_sha256_sealed = ha1_md5_sealed WHERE id = %s",
            [installation.pbx],
        )
    snapshot = Decisions().config(ConfigRequest())
    assert snapshot is not None
    assert {trunk.id for trunk in snapshot.trunks} == {installation.carrier, installation.foreign}


def test_new_configuration_waits_for_keys(installation: Installation, keys: Keys) -> None:
    keys.stop()
    with pytest.raises(Unavailable):
        Decisions().config(ConfigRequest())
    keys.start()
    assert Decisions().config(ConfigRequest()) is not None


def test_what_has_no_route_is_rejected(installation: Installation) -> None:
    unknown = installation.route(installation.carrier, "+12025550999")
    assert unknown == RouteDecision(None, None, straight(Reject(404)))
    own = installation.route(installation.pbx, "sales")
    assert own == RouteDecision(installation.tenant, None, straight(Reject(404)))
    assert installation.route(UUID(int=5)) == RouteDecision(None, None, straight(Reject(403)))


def test_a_tenants_trunk_does_not_reach_another_tenants_number(
    installation: Installation,
) -> None:
    decision = installation.route(installation.foreign)
    assert decision == RouteDecision(installation.other, None, straight(Reject(404)))


@asynccontextmanager
async def control(tmp_path: Path) -> AsyncIterator[RpcClient]:
    settings = Settings(node={"data_dir": tmp_path})
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop))
    client = RpcClient(settings.control_socket)
    client.start()
    try:
        yield client
    finally:
        await client.stop()
        stop.set()
        await asyncio.wait_for(serving, 10)


async def in_thread(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


async def test_signalling_is_answered_before_during_and_after_an_outage(
    db: DatabaseUrls, postgres: str, tmp_path: Path
) -> None:
    made = await in_thread(Installation)
    async with control(tmp_path) as client:
        config = partial(client.call, "config", timeout=5)
        route = partial(client.call, "route", timeout=5)
        snapshot = await config(ConfigRequest(), ConfigSnapshot | None)
        assert len(snapshot.trunks) == 3
        assert await config(ConfigRequest(snapshot.version), ConfigSnapshot | None) is None
        for _ in range(8):  # all threads have connections
            decision = await route(ask(made.carrier), RouteDecision)
            assert decision.number == made.number
        with outage(db, postgres):
            for _ in range(5):
                begin = time.monotonic()
                with pytest.raises(RpcError) as refusal:
                    await route(ask(made.carrier), RouteDecision)
                assert refusal.value.code == "control_unavailable"
                assert time.monotonic() - begin < 2
        for _ in range(8):
            decision = await route(ask(made.carrier), RouteDecision)
            assert decision.number == made.number


async def test_a_database_that_hangs_is_not_waited_for(
    db: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Route look-ups wait behind a lock for ever; the caller is told no in time."""
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    made = await in_thread(Installation)
    async with control(tmp_path) as client:
        await client.call("route", ask(made.carrier), RouteDecision, timeout=5)
        with psycopg.connect(db.owner) as blocker:
            blocker.execute("LOCK TABLE numbers_number IN ACCESS EXCLUSIVE MODE")
            calls = [
                client.call("route", ask(made.carrier), RouteDecision, timeout=5) for _ in range(20)
            ]
            results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 4)
            codes = {getattr(result, "code", result) for result in results}
            assert codes == {"control_unavailable"}


async def test_threads_leave_other_errors_alone() -> None:
    threads = DatabaseThreads()

    def broken() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await threads.run(broken)
    release = threading.Event()
    waiting = [asyncio.create_task(threads.run(release.wait)) for _ in range(5)]
    with pytest.raises(ControlUnavailable):
        await waiting[4]  # no thread was free in time
    release.set()
    await asyncio.gather(*waiting[:4], return_exceptions=True)
    threads.close()
