"""The supervisor with small fake processes: order, readiness, restarts, stopping."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ringfence.entry.supervisor.child import StartFailed
from ringfence.entry.supervisor.messages import RestartRequest
from ringfence.entry.supervisor.plan import Plan, ProcessSpec
from ringfence.entry.supervisor.states import TRANSITIONS, Event, State, back_off
from ringfence.entry.supervisor.tree import Tree
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import NotFound

CHILD = """
import os, signal, sys, time
name, behaviour, log = sys.argv[1:4]
def note(what):
    with open(log, "a") as file:
        file.write(f"{name} {what}\\n")
def ready():
    fd = int(os.environ["RINGFENCE_READY_FD"])
    os.write(fd, b"ready\\n")
    os.close(fd)
terms = 0
def on_term(*_):
    global terms
    terms += 1
    note("term")
    if behaviour == "ignores":
        return
    if behaviour == "drains" and terms == 1:
        return
    note("end")
    os._exit(0)
signal.signal(signal.SIGTERM, on_term)
note("start")
if behaviour == "dies":
    sys.exit(3)
if behaviour != "never_ready":
    ready()
while True:
    signal.pause()
"""


class Rig:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.script = folder / "child.py"
        self.script.write_text(textwrap.dedent(CHILD))
        self.trees: list[Tree] = []

    def spec(self, name: str, behaviour: str = "serves", **options: float) -> ProcessSpec:
        command = (sys.executable, "-S", str(self.script), name, behaviour, str(self.log))
        return ProcessSpec(name, command, **options)  # type: ignore[arg-type]

    def tree(self, *stages: tuple[ProcessSpec, ...], prepare_fails: bool = False) -> Tree:
        note = f"import sys; open({str(self.log)!r}, 'a').write('prepare\\n')"
        script = f"{note}; sys.exit({int(prepare_fails)})"
        prepare = (sys.executable, "-S", "-c", script)
        tree = Tree(Plan(stages[0], prepare, stages[1:]), SystemClock())
        self.trees.append(tree)
        return tree

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    for tree in rig.trees:
        for child in tree.children.values():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGCONT)
        stopping = asyncio.ensure_future(tree.stop(drain=False))
        await asyncio.wait_for(stopping, 15)


async def test_starts_stage_by_stage_and_stops_in_the_opposite_order(rig: Rig) -> None:
    tree = rig.tree((rig.spec("db"),), (rig.spec("a"), rig.spec("b")), (rig.spec("c"),))
    await tree.start()
    lines = rig.lines()
    assert lines[:2] == ["db start", "prepare"]
    assert set(lines[2:4]) == {"a start", "b start"}
    assert lines[4:] == ["c start"]
    assert [item.state for item in tree.status()] == ["ready"] * 4
    pids = [item.pid for item in tree.status()]

    await tree.stop()
    ends = [line for line in rig.lines() if line.endswith(" end")]
    assert ends[0] == "c end"
    assert set(ends[1:3]) == {"a end", "b end"}
    assert ends[3:] == ["db end"]
    assert all(pid is not None and gone(pid) for pid in pids)
    assert [item.state for item in tree.status()] == ["stopped"] * 4


async def test_restarts_a_killed_process_at_once_and_nobody_else(rig: Rig) -> None:
    tree = rig.tree((rig.spec("db"),), (rig.spec("a"),))
    await tree.start()
    before = {item.name: item.pid for item in tree.status()}
    killed = before["db"]
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    began = time.monotonic()
    child = tree.children["db"]
    await until(lambda: child.state is State.READY and child.pid != killed)
    assert time.monotonic() - began < 1.0
    assert child.restarts == 1
    after = {item.name: item for item in tree.status()}
    assert after["a"].pid == before["a"]
    assert after["a"].restarts == 0


async def test_start_fails_when_a_process_keeps_dying(rig: Rig) -> None:
    tree = rig.tree((rig.spec("db"),), (rig.spec("bad", "dies"),), (rig.spec("never"),))
    with pytest.raises(StartFailed, match="bad"):
        await tree.start()
    assert rig.lines().count("bad start") == 3
    assert "never start" not in rig.lines()
    await tree.stop()
    assert rig.lines()[-1] == "db end"


async def test_start_fails_when_the_database_cannot_be_prepared(rig: Rig) -> None:
    tree = rig.tree((rig.spec("db"),), (rig.spec("a"),), prepare_fails=True)
    with pytest.raises(StartFailed, match="prepared"):
        await tree.start()
    assert "a start" not in rig.lines()


async def test_a_process_that_never_serves_is_killed_and_tried_again(rig: Rig) -> None:
    tree = rig.tree((), (rig.spec("slow", "never_ready", ready_seconds=0.3),))
    with pytest.raises(StartFailed, match="slow"):
        await tree.start()
    assert rig.lines().count("slow start") == 3


async def test_stop_kills_what_ignores_sigterm(rig: Rig) -> None:
    tree = rig.tree((), (rig.spec("deaf", "ignores", stop_seconds=0.3),))
    await tree.start()
    pid = tree.children["deaf"].pid
    assert pid is not None
    await tree.stop()
    assert gone(pid)
    assert rig.lines().count("deaf term") == 1


async def test_restart_without_drain_asks_twice_with_drain_waits(rig: Rig) -> None:
    tree = rig.tree((), (rig.spec("sip", "drains", drain_seconds=60),))
    await tree.start()
    first = tree.children["sip"].pid
    await asyncio.wait_for(tree.restart(RestartRequest("sip")), 10)
    second = tree.children["sip"].pid
    assert second != first
    assert rig.lines() == ["prepare", "sip start", "sip term", "sip term", "sip end", "sip start"]

    draining = asyncio.ensure_future(tree.restart(RestartRequest("sip", drain=True)))
    await until(lambda: rig.lines().count("sip term") == 3)
    assert tree.status()[0].state == "stopping"
    assert not draining.done()
    tree.hurry()
    await asyncio.wait_for(draining, 10)
    assert tree.children["sip"].pid not in (first, second)


async def test_restart_goes_on_when_the_one_who_asked_has_gone(rig: Rig) -> None:
    tree = rig.tree((), (rig.spec("a", "drains", drain_seconds=60),))
    await tree.start()
    first = tree.children["a"].pid
    request = asyncio.ensure_future(tree.restart(RestartRequest("a", drain=True)))
    await until(lambda: "a term" in rig.lines())
    request.cancel()
    tree.hurry()
    await until(lambda: tree.children["a"].state is State.READY)
    assert tree.children["a"].pid != first


async def test_restart_of_an_unknown_process_is_refused(rig: Rig) -> None:
    tree = rig.tree((), (rig.spec("a"),))
    with pytest.raises(NotFound, match="no process b; there are a"):
        await tree.restart(RestartRequest("b"))


async def test_upgrade_leaves_the_database_alone_and_prepares_between(rig: Rig) -> None:
    tree = rig.tree((rig.spec("db"),), (rig.spec("a"),), (rig.spec("b"),))
    await tree.start()
    database = tree.children["db"].pid
    await tree.upgrade()
    assert tree.children["db"].pid == database
    assert rig.lines()[4:] == [
        "b term",
        "b end",
        "a term",
        "a end",
        "prepare",
        "a start",
        "b start",
    ]


def test_back_off_is_nothing_first_and_bounded() -> None:
    pauses = [back_off(deaths) for deaths in range(1, 20)]
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 8.0


def test_every_state_can_be_stopped_and_every_process_can_die() -> None:
    assert {state for state, event in TRANSITIONS if event is Event.STOP} == set(State)
    alive = {State.STARTING, State.READY, State.STOPPING}
    assert {state for state, event in TRANSITIONS if event is Event.EXIT} == alive
