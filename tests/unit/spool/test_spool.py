"""The spool: what durable() confirmed is readable, whatever happens to process, disk or bytes."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.platform.spool import (
    MAX_RECORD,
    Position,
    SpoolCorrupt,
    SpoolError,
    SpoolReader,
    SpoolWriter,
)
from ringfence.platform.spool.format import encode_frame

START = Position(0, 0)


def read_all(directory: Path, start: Position = START) -> list[bytes]:
    """Every readable record; damaged places are stepped over."""
    reader = SpoolReader(directory)
    records: list[bytes] = []
    position = start
    while True:
        try:
            batch = reader.read(position, 7)
        except SpoolCorrupt as damage:
            assert damage.resume > damage.position >= position
            position = damage.resume
            continue
        if not batch:
            reader.close()
            return records
        position = batch[-1][0]
        records += [record for _, record in batch]


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.seg"))


async def write(directory: Path, records: list[bytes], **options: object) -> None:
    writer = SpoolWriter(directory, **options)  # type: ignore[arg-type]
    for record in records:
        writer.append(record)
        await writer.durable()
    await writer.close()


async def test_records_come_back_in_order_with_positions_to_go_on_from(tmp_path: Path) -> None:
    records = [str(n).encode() * (n + 1) for n in range(100)]
    await write(tmp_path, records, segment_bytes=2000)
    assert len(segments(tmp_path)) > 3
    assert read_all(tmp_path) == records
    reader = SpoolReader(tmp_path)
    everything = reader.read(START, 1000)
    for index, (position, _) in enumerate(everything):
        assert read_all(tmp_path, position) == records[index + 1 :]


async def test_an_appended_record_reaches_the_disk_without_durable(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, max_delay=0.01)
    writer.append(b"alone")
    reader = SpoolReader(tmp_path)
    async with asyncio.timeout(5):
        while not (found := reader.read(START, 10)):
            await asyncio.sleep(0.005)
    assert [record for _, record in found] == [b"alone"]
    await writer.close()


async def test_many_waiters_share_few_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = os.fdatasync

    def counting(fd: int) -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.01)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", counting)
    writer = SpoolWriter(tmp_path)

    async def one(n: int) -> None:
        await asyncio.sleep(n / 10_000)
        writer.append(b"%d" % n)
        await writer.durable()

    await asyncio.gather(*(one(n) for n in range(200)))
    assert calls < 60
    await writer.close()
    assert sorted(map(int, read_all(tmp_path))) == list(range(200))


async def test_a_segment_begins_with_its_checkpoint(tmp_path: Path) -> None:
    state = 0

    def checkpoint() -> list[bytes]:
        return [b"state=%d" % state]

    writer = SpoolWriter(tmp_path, checkpoint=checkpoint, segment_bytes=100)
    for n in range(1, 50):
        writer.append(b"n=%d" % n)
        state = n
        await writer.durable()
    await writer.close()
    assert len(segments(tmp_path)) > 3
    for path in segments(tmp_path)[1:]:
        number = int(path.stem)
        (_, first), (_, second) = SpoolReader(tmp_path).read(Position(number, 0), 2)
        assert first.startswith(b"state=")
        assert int(second[2:]) == int(first[6:]) + 1  # the checkpoint covers all that lies before


async def test_rotate_puts_the_given_checkpoint_between_earlier_and_later_records(
    tmp_path: Path,
) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append(b"first")
    await writer.durable()
    writer.append(b"before")
    rotation = asyncio.ensure_future(writer.rotate([b"checkpoint"]))
    await asyncio.sleep(0)
    writer.append(b"after")
    await rotation
    await writer.close()
    assert read_all(tmp_path) == [b"first", b"before", b"checkpoint", b"after"]
    assert read_all(tmp_path, Position(2, 0)) == [b"checkpoint", b"after"]


async def test_numbers_count_on_and_only_covered_segments_are_deleted(tmp_path: Path) -> None:
    await write(tmp_path, [b"a"])
    await write(tmp_path, [b"b"])
    (tmp_path / f"{3:020d}.tmp").write_bytes(b"half a segment")
    reader = SpoolReader(tmp_path)
    end = reader.read(START, 10)[-1][0]
    assert end.segment == 2
    reader.delete_before(Position(99, 0))
    assert [int(path.stem) for path in segments(tmp_path)] == [2]
    await write(tmp_path, [b"c"])
    assert [int(path.stem) for path in segments(tmp_path)] == [2, 3]
    assert read_all(tmp_path, end) == [b"c"]
    reader.delete_before(Position(2, 5))
    assert [int(path.stem) for path in segments(tmp_path)] == [2, 3]


async def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    with pytest.raises(SpoolError) as refusal:
        SpoolWriter(tmp_path)
    assert refusal.value.code == "spool_in_use"
    await writer.close()
    await SpoolWriter(tmp_path).close()


@pytest.mark.parametrize("failing", ["write", "fdatasync"])
async def test_a_full_disk_fails_the_waiters_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    broken = False
    real = getattr(os, failing)
    real_write = os.write

    def fails(fd: int, *args: bytes) -> object:
        if broken:
            if args:
                real_write(fd, bytes(args[0])[:3])  # a part still fits
            raise OSError(28, "No space left on device")
        return real(fd, *args)

    writer = SpoolWriter(tmp_path, checkpoint=lambda: [b"checkpoint"])
    writer.append(b"1")
    await writer.durable()
    monkeypatch.setattr(os, failing, fails)
    broken = True
    for n in (2, 3):
        writer.append(b"%d" % n)
        with pytest.raises(SpoolError) as failure:
            await writer.durable()
        assert failure.value.code == "spool_write_failed"
    writer.append(b"4")
    broken = False
    await writer.durable()
    await writer.close()
    assert [r for r in read_all(tmp_path) if r != b"checkpoint"] == [b"1", b"2", b"3", b"4"]
    newest = int(segments(tmp_path)[-1].stem)
    assert b"checkpoint" in read_all(tmp_path, Position(newest, 0))


async def test_a_failing_disk_is_tried_again_without_anyone_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync
    failures = 1

    def fails_once(fd: int) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError(5, "Input/output error")
        real(fd)

    writer = SpoolWriter(tmp_path)
    monkeypatch.setattr(os, "fdatasync", fails_once)
    writer.append(b"kept")
    with pytest.raises(SpoolError):
        await writer.durable()
    async with asyncio.timeout(5):
        while read_all(tmp_path) != [b"kept"]:
            await asyncio.sleep(0.01)
    await writer.close()


async def test_a_record_of_impossible_size_is_refused(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    for record in (b"", bytes(MAX_RECORD + 1)):
        with pytest.raises(ValueError, match="bytes"):
            writer.append(record)
    writer.append(bytes(MAX_RECORD))
    await writer.close()
    assert read_all(tmp_path) == [bytes(MAX_RECORD)]


async def test_a_record_inside_a_payload_is_never_taken_for_one(tmp_path: Path) -> None:
    forged = encode_frame(b"forged", 0)
    await write(tmp_path, [b"one", forged * 3, b"three"])
    (path,) = segments(tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(b"one") + 12] ^= 0x80  # the length of the record that carries it
    path.write_bytes(content)
    assert read_all(tmp_path) == [b"one", b"three"]


RECORDS = [b"%04d" % n * 5 for n in range(40)]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_never_yields_a_wrong_record(tmp_path: Path, data: st.DataObject) -> None:
    directory = tmp_path / str(time.monotonic_ns())
    asyncio.run(write(directory, RECORDS, segment_bytes=300))
    paths = segments(directory)
    path = data.draw(st.sampled_from(paths))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(
                st.integers(0, 7)
            )
    path.write_bytes(content)
    found = read_all(directory)
    assert found == [record for record in RECORDS if record in found]
    untouched = [
        record for other in paths if other != path for record in read_segment(directory, other)
    ]
    assert set(untouched) <= set(found)


def read_segment(directory: Path, path: Path) -> list[bytes]:
    number = int(path.stem)
    found = SpoolReader(directory).read(Position(number, 0), 100)
    return [record for position, record in found if position.segment == number]


CHILD = """
import asyncio, pathlib, sys
from ringfence.platform.spool import SpoolWriter

async def main():
    n = int(sys.argv[2])
    writer = SpoolWriter(pathlib.Path(sys.argv[1]), segment_bytes=4096, max_delay=0.001)
    while True:
        for _ in range(n % 7 + 1):
            n += 1
            writer.append(b"%d" % n * (n % 50 + 1) + b"|%d" % n)
        await writer.durable()
        print(n, flush=True)

asyncio.run(main())
"""


def test_kill_nine_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    chance = random.Random(7)
    confirmed = 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(confirmed + 1000)],
            stdout=subprocess.PIPE,
        )
        try:
            assert child.stdout is not None
            first = confirmed + 1001
            wanted = chance.randrange(1, 200)
            for _ in range(wanted):
                confirmed = int(child.stdout.readline())
            time.sleep(chance.random() / 100)  # a random moment of the kill, not a wait
        finally:
            child.kill()
            rest = child.stdout.read().split(b"\n") if child.stdout else []
            child.wait()
        confirmed = max([confirmed, *(int(line) for line in rest[:-1])])
        numbers = [int(record.rpartition(b"|")[2]) for record in read_all(tmp_path)]
        assert numbers == sorted(set(numbers))
        assert set(range(first, confirmed + 1)) <= set(numbers)
