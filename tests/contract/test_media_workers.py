"""What is particular to media processes: their death, and whom they obey."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from ringfence.engine.media.client import MediaLost


async def test_a_killed_worker_loses_its_sessions_and_comes_back(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    rig.worker.kill()
    await rig.eventually(lambda: rig.lost)
    assert rig.lost == [{session}]
    with pytest.raises(MediaLost):
        await rig.port.play(session, first, "silence")
    with pytest.raises(MediaLost):
        await rig.port.delete(session)
    assert (await rig.port.delete(session)).legs == {}
    rig.worker.start()
    await rig.eventually(lambda: rig.port.connected)
    await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))


async def test_a_new_epoch_deletes_the_sessions_of_the_old(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, _, _ = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    newcomer = rig.worker.client("another epoch", rig)
    newcomer.start()
    try:
        await newcomer.wait_connected(5)
        assert (await rig.port.stats(session)).legs == {}
    finally:
        await newcomer.stop()


async def test_the_same_epoch_keeps_its_sessions(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    await rig.port.stop()
    count = len(b.audio())
    await rig.eventually(lambda: len(b.audio()) > count + 20)


async def test_stops_cleanly_when_told(rig: Any) -> None:
    await rig.bridge(rig.peer(), rig.peer())
    assert rig.worker.kill(signal.SIGTERM) == 0
