"""Fixtures of the end-to-end tests: a real installation per xdist worker, and SIPp."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.e2e.harness.installation import Installation, Tenant, started
from tests.e2e.harness.peers import need
from tests.e2e.harness.sipp import SippRunner
from tests.e2e.harness.studio import Studio
from tests.e2e.harness.world import World

_REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[_REPORT] = report
    return report


@pytest.fixture(scope="session")
def _shared_world() -> Iterator[World]:
    installation = Installation.create(t1_ms=100, media={"silence_seconds": 8})
    try:
        installation.start()
        yield World.provision(installation)
    finally:
        installation.stop()


@pytest.fixture
def world(_shared_world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The installation that the tests of this worker share. T1 is 100 ms, silence ends a call
    after 8 s. No trunk authenticates by password."""
    yield from _watched(_shared_world, request)


def _watched(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    log = world.installation.folder / "serve.log"
    start = log.stat().st_size
    yield world
    report = request.node.stash.get(_REPORT, None)
    if report is not None and report.failed:
        with log.open("rb") as file:
            file.seek(start)
            print("=== log of the installation\n" + file.read().decode(errors="replace")[-8000:])


@pytest.fixture
def own_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """An installation for one test alone, which may break it."""
    options = getattr(request, "param", {})
    installation = Installation.create(**({"t1_ms": 100} | options))
    try:
        installation.start()
        yield from _watched(World.provision(installation), request)
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One for the tests of a module."""
    with started() as made:
        yield made


@pytest.fixture
async def studio(world: World) -> AsyncIterator[Studio]:
    """Flows of the shared installation, and phones and web servers that end with the test."""
    async with Studio(world) as made:
        yield made


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[SippRunner]:
    """Starts SIPps; all are ended with the test."""
    need("sipp", "sip-tester")
    runner = SippRunner(tmp_path)
    yield runner
    runner.stop()


__all__ = ["Installation", "Tenant"]
