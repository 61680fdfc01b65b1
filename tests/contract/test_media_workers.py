"""What is particular to media processes: their death, and whom they obey."""

from __future__ import annotations

import resource
import signal
from typing import Any

import pytest
from tests.contract.conftest import TABLES, goertzel

from ringfence.engine.media.client import MediaLost
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys.errors import CutOff
from ringfence.platform.keys.objects import CHUNK_BYTES, open_object


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


async def test_a_killed_worker_leaves_tracks_that_open_and_say_that_they_are_cut_off(
    rig: Any, keys: Any
) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    a.talk(440)
    path = rig.track_path(request)
    await rig.eventually(lambda: path.stat().st_size > CHUNK_BYTES, 20)
    rig.worker.kill()
    samples = bytearray()
    with pytest.raises(CutOff):
        for chunk in open_object([path.read_bytes()], await rig.track_leaf(request)):
            samples += chunk
    assert len(samples) == CHUNK_BYTES and samples.startswith(b"RIFF")
    table = TABLES["PCMU"]
    for at in range(16_000, CHUNK_BYTES - 800, 800):
        assert goertzel([table[code] for code in samples[at : at + 800]], 440) > 0.9
    rig.worker.start()


@pytest.mark.parametrize("how", ["told to stop", "another epoch"])
async def test_tracks_are_completed_when_nobody_commands_any_more(
    rig: Any, keys: Any, how: str
) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    if how == "told to stop":
        assert rig.worker.kill(signal.SIGTERM) == 0
        assert 440 in await tones(rig, request)
        rig.worker.start()
        return
    newcomer = rig.worker.client("another epoch", rig)
    newcomer.start()
    try:
        await newcomer.wait_connected(5)
        await rig.eventually(lambda: rig.track_path(request).stat().st_size > 1000)
        assert 440 in await tones(rig, request)
    finally:
        await newcomer.stop()


async def tones(rig: Any, request: Any) -> set[int]:
    samples = (await rig.recorded(request))[-1600:-160]
    return {440} if goertzel([TABLES["PCMU"][code] for code in samples], 440) > 0.8 else set()


async def test_a_full_disk_ends_the_track_and_not_the_call(rig: Any, keys: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    limit = rig.track_path(request).stat().st_size
    resource.prlimit(rig.worker.pid, resource.RLIMIT_FSIZE, (limit, limit))
    stats = await rig.port.track(session, request.track, "stop")
    assert not stats.complete
    await rig.eventually(lambda: rig.of(first, "track_failed"))
    assert rig.of(first, "track_failed")[0].data == {"track": request.track.hex}
    count = len(b.audio())
    await rig.eventually(lambda: len(b.audio()) > count + 20 and b.hears(440))
    with pytest.raises(CutOff):
        list(open_object([rig.track_path(request).read_bytes()], await rig.track_leaf(request)))


async def test_without_keys_nothing_is_recorded(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    with pytest.raises(RingfenceError) as caught:
        await rig.port.subscribe(request)
    assert caught.value.code == "keys_unavailable"
    assert not rig.track_path(request).exists()
    assert (await rig.port.delete(session)).tracks == {}
