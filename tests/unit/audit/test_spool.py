"""The spools in which processes leave records of use."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from ringfence.platform import audit
from ringfence.platform.audit import AuditSpool, audit_directory, claim, instances, remove
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform.spool import Position, SpoolError, SpoolReader
from ringfence.platform.spool.segment import Segment

TENANT = UUID(int=7)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(node=NodeSettings(data_dir=tmp_path))


def use(number: int = 0, objects: tuple[str, ...] = ("CA00",)) -> UseRecord:
    return UseRecord(number, "web", "key:1", TENANT, "open", "service", objects, "ok")


def content(directory: Path) -> list[UseRecord]:
    reader = SpoolReader(directory)
    found = reader.read(Position(0, 0), 1_000_000)
    reader.close()
    return [msgspec.msgpack.decode(data, type=UseRecord) for _, data in found]


def test_what_was_flushed_is_on_disk_in_order(settings: Settings) -> None:
    spool = AuditSpool(settings, "web")
    for number in range(100):
        spool(use(number))
    spool.flush()
    (directory,) = instances(audit_directory(settings))
    assert [record.at for record in content(directory)] == list(range(100))
    assert directory.name.startswith("web-")
    spool.close()


def test_nothing_is_created_without_a_record(settings: Settings) -> None:
    spool = AuditSpool(settings, "cli")
    spool.flush()
    spool.close()
    assert not audit_directory(settings).exists()


def test_many_threads_lose_nothing(settings: Settings) -> None:
    spool = AuditSpool(settings, "web")

    def work(first: int) -> None:
        for number in range(first, first + 500):
            spool(use(number))

    threads = [threading.Thread(target=work, args=(index * 500,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    (directory,) = instances(audit_directory(settings))
    assert sorted(record.at for record in content(directory)) == list(range(4000))


def test_two_instances_of_one_credential_have_directories_of_their_own(settings: Settings) -> None:
    first, second = AuditSpool(settings, "worker"), AuditSpool(settings, "worker")
    first(use(1))
    second(use(2))
    first.flush()
    second.flush()
    found = [content(directory) for directory in instances(audit_directory(settings))]
    assert sorted(record.at for records in found for record in records) == [1, 2]
    assert len(found) == 2
    first.close()
    second.close()


def test_a_use_of_many_objects_becomes_several_records(settings: Settings) -> None:
    spool = AuditSpool(settings, "worker")
    names = tuple(f"CA{number:032x}" for number in range(20_001))
    spool(use(5, names))
    spool.close()
    (directory,) = instances(audit_directory(settings))
    records = content(directory)
    assert tuple(name for record in records for name in record.objects) == names
    assert {record.at for record in records} == {5}


def test_only_a_dead_writer_can_be_claimed(settings: Settings) -> None:
    spool = AuditSpool(settings, "live")
    spool(use())
    spool.flush()
    (directory,) = instances(audit_directory(settings))
    assert claim(directory) is None
    spool.close()
    lock = claim(directory)
    assert lock is not None
    remove(directory)
    os.close(lock)
    assert instances(audit_directory(settings)) == []
    spool(use(9))  # a record after the end begins another spool
    spool.close()
    assert [record.at for record in content(instances(audit_directory(settings))[0])] == [9]


def test_segments_change_and_the_order_holds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_SEGMENT_BYTES", 200)
    spool = AuditSpool(settings, "web")
    for number in range(10):
        spool(use(number))
        spool.flush()
    spool.close()
    (directory,) = instances(audit_directory(settings))
    assert len(list(directory.glob("*.seg"))) > 2
    assert [record.at for record in content(directory)] == list(range(10))


def test_a_refusing_disk_delays_and_then_nothing_is_missing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_RETRY_SECONDS", 0.01)
    full = threading.Event()
    append, create = Segment.append, Segment.create

    def refuse(*arguments: object) -> object:
        if full.is_set():
            raise OSError(errno.ENOSPC, "no space left")
        return create(*arguments)  # type: ignore[arg-type]

    def refuse_append(segment: Segment, data: bytes) -> None:
        if full.is_set():
            segment.close()
            raise OSError(errno.ENOSPC, "no space left")
        append(segment, data)

    monkeypatch.setattr(Segment, "append", refuse_append)
    monkeypatch.setattr(Segment, "create", refuse)
    spool = AuditSpool(settings, "web")
    spool(use(1))
    spool.flush()
    full.set()
    spool(use(2))
    with pytest.raises(SpoolError):
        spool.flush(0.2)
    full.clear()
    spool(use(3))
    spool.close()
    (directory,) = instances(audit_directory(settings))
    assert [record.at for record in content(directory)] == [1, 2, 3]


def test_a_full_buffer_refuses_the_use(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_MAX_BUFFERED", 10)
    monkeypatch.setattr(audit, "_DELAY_SECONDS", 60.0)
    spool = AuditSpool(settings, "web")
    spool(use(1))
    with pytest.raises(SpoolError):
        spool(use(2))
    spool._writer._closing.set()  # type: ignore[union-attr]
    spool.close()


_CHILD = """
    import os, sys
    from ringfence.platform.audit import AuditSpool
    from ringfence.platform.keys.messages import UseRecord
    from ringfence.platform.settings import NodeSettings, Settings
    from pathlib import Path
    from uuid import UUID

    spool = AuditSpool(Settings(node=NodeSettings(data_dir=Path(sys.argv[1]))), "web")
    def use(at):
        spool(UseRecord(at, "web", "key:1", UUID(int=7), "open", "service", (), "ok"))
    use(1)
    spool.flush()
    if os.fork() == 0:
        use(2)
        spool.flush()
        os.kill(os.getpid(), 9)
    os.wait()
    use(3)
"""


def test_a_forked_child_has_a_spool_of_its_own_and_exit_writes_the_rest(
    settings: Settings, tmp_path: Path
) -> None:
    code = textwrap.dedent(_CHILD)
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    directories = instances(audit_directory(settings))
    assert sorted([record.at for record in content(item)] for item in directories) == [[1, 3], [2]]
    for directory in directories:
        lock = claim(directory)
        assert lock is not None
        os.close(lock)
