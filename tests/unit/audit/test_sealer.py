"""The sealer: spools become rows and chained batches, each record once."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
import psycopg
import pytest
from django.db import OperationalError, connections

from ringfence.kernel.clock import to_micros
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform import audit
from ringfence.platform.audit import instances
from ringfence.platform_django.audit import sealer as sealing
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.tenancy import OPERATOR

from .conftest import ACME, BOLT, World


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_batch_per_tenant_and_a_chain(world: World) -> None:
    spool = world.spool()
    world.batches(
        spool,
        [world.use(1), world.use(2, BOLT), world.use(3)],
        [world.use(4)],
    )
    rows = world.ask(
        "SELECT tenant_id, seq, count, first_at, last_at, digest, previous_head, head "
        "FROM audit_batch ORDER BY tenant_id, seq"
    )
    assert [(tenant, seq, count) for tenant, seq, count, *_ in rows] == [
        (ACME, 1, 2),
        (ACME, 2, 1),
        (BOLT, 1, 1),
    ]
    assert world.numbers() == [1, 3, 4]
    assert world.numbers(BOLT) == [2]
    previous = bytes(32)
    for _, seq, count, first, last, digest, before, head in rows[:2]:
        records = world.ask(
            "SELECT record FROM audit_use WHERE tenant_id = %s AND batch_seq = %s "
            "ORDER BY batch_index",
            ACME,
            seq,
        )
        hashes = b"".join(hashlib.sha256(record).digest() for (record,) in records)
        assert digest == hashlib.sha256(hashes).digest()
        assert before == previous
        numbers = [count, to_micros(first), to_micros(last)]
        body = b"".join(number.to_bytes(8, "big") for number in numbers)
        content = previous + seq.to_bytes(8, "big") + ACME.bytes + body + digest
        assert head == hashlib.sha256(content).digest()
        previous = head


def test_columns_show_the_record(world: World) -> None:
    spool = world.spool()
    record = world.use(
        5, actor="a" * 300, objects=("CA1", "with\0nul"), outcome="key_refused", action="open"
    )
    world.batches(spool, [record])
    ((actor, objects, outcome, at, data),) = world.ask(
        "SELECT actor, object_ids, outcome, at, record FROM audit_use"
    )
    assert (actor, objects, outcome) == ("a" * 256, ["CA1", "with\ufffdnul"], "key_refused")
    assert to_micros(at) == record.at
    assert msgspec.msgpack.decode(data, type=audit.UseRecord) == record


def test_nothing_to_seal_makes_no_batch(world: World) -> None:
    assert world.sealer.seal() is False
    assert world.ask("SELECT count(*) FROM audit_batch") == [(0,)]


def test_a_batch_never_spans_two_months(world: World) -> None:
    spool = world.spool()
    late = to_micros(world.clock.now() + timedelta(days=20))
    world.batches(spool, [world.use(1), world.use(2, at=late), world.use(3)])
    rows = world.ask("SELECT seq, count, first_at, last_at FROM audit_batch ORDER BY seq")
    assert [(seq, count, first.month, last.month) for seq, count, first, last in rows] == [
        (1, 2, 11, 11),
        (2, 1, 12, 12),
    ]


def test_dead_spools_are_drained_and_removed_and_living_ones_stay(world: World) -> None:
    dead, living = world.spool("cli"), world.spool("web")
    dead(world.use(1))
    dead.close()
    living(world.use(2))
    living.flush()
    world.sealer.seal()
    world.sealer.seal()
    assert sorted(world.numbers()) == [1, 2]
    assert [path.name.split("-")[0] for path in instances(world.root)] == ["web"]
    world.sealer.seal()
    assert world.ask("SELECT count(*) FROM audit_spool") == [(1,)], "no position is left over"


def test_segments_that_are_sealed_are_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_SEGMENT_BYTES", 200)
    spool = world.spool()
    for number in range(8):
        world.batches(spool, [world.use(number)])
    (directory,) = instances(world.root)
    assert len(list(directory.glob("*.seg"))) == 1
    assert world.numbers() == list(range(8))


STEPS = ("_open", "_restore_positions", "_read", "_write", "_keep_positions", "_discard")


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    monkeypatch.setattr(audit, "_SEGMENT_BYTES", 200)
    dead, living = world.spool("cli"), world.spool("web")
    dead(world.use(0))
    dead.close()
    for number in range(1, 6):
        living(world.use(number))
        living.flush()
    whole = getattr(AuditSealer, step)

    def crash(*arguments: object) -> object:
        if after:
            whole(*arguments)
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(AuditSealer, step, crash)
        with pytest.raises(_Killed):
            world.sealer.seal()
    world.sealer.close()
    world.sealer = AuditSealer(world.settings)
    living(world.use(6))
    living.flush()
    for _ in range(3):
        world.sealer.seal()
    assert sorted(world.numbers()) == list(range(7))
    assert [path.name.split("-")[0] for path in instances(world.root)] == ["web"]


def test_a_lost_commit_answer_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = world.spool()
    spool(world.use(1))
    spool.flush()
    commit = connections[OPERATOR]._commit

    def lose() -> None:
        commit()
        raise OperationalError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(connections[OPERATOR], "_commit", lose)
        with pytest.raises(OperationalError):
            world.sealer.seal()
    connections[OPERATOR].close()
    world.sealer.seal()
    assert world.numbers() == [1]


def test_two_sealers_write_one_chain(world: World) -> None:
    spools = [world.spool("web"), world.spool("live")]
    stop = threading.Event()
    sealers = [AuditSealer(world.settings), AuditSealer(world.settings)]
    failures: list[BaseException] = []

    def run(sealer: AuditSealer) -> None:
        try:
            while not stop.is_set():
                sealer.seal()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(sealer,)) for sealer in sealers]
    for thread in threads:
        thread.start()
    try:
        for number in range(300):
            spools[number % 2](world.use(number))
            if number % 25 == 24:
                spools[0].flush()
                spools[1].close()
        for spool in spools:
            spool.close()
        until(lambda: len(world.numbers()) >= 300 and not instances(world.root))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert sorted(world.numbers()) == list(range(300))
    seqs = [seq for (seq,) in world.ask("SELECT seq FROM audit_batch ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1))


def test_while_one_seals_the_other_writes_nothing(world: World) -> None:
    spool = world.spool()
    spool(world.use(1))
    spool.flush()
    with psycopg.connect(world.urls.operator) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [sealing._LOCK])
        assert world.sealer.seal() is False
        assert world.numbers() == []
    world.sealer.seal()
    assert world.numbers() == [1]


def test_the_database_may_be_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_ROUND_SECONDS", 0.02)
    spool = world.spool()
    away = threading.Event()
    away.set()
    tried = threading.Event()
    whole = AuditSealer._open

    def fail(*arguments: object) -> object:
        if away.is_set():
            tried.set()
            raise OperationalError("server closed the connection")
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(AuditSealer, "_open", fail)
    stop = threading.Event()
    thread = threading.Thread(target=world.sealer.run, args=(stop,))
    thread.start()
    try:
        spool(world.use(1))
        spool.flush()
        assert tried.wait(20)
        assert world.numbers() == []
        away.clear()
        until(lambda: world.numbers() == [1])
        spool(world.use(2))
        spool.flush()
    finally:
        stop.set()
        thread.join()
    assert world.numbers() == [1, 2], "what was durable when it was told to stop is sealed"


def test_a_session_that_ends_while_rows_are_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_ROUND_SECONDS", 0.02)
    spool = world.spool()
    for number in range(10):
        spool(world.use(number))
    spool.flush()
    ended: list[bool] = []
    whole = sealing.row

    def row(*arguments: object) -> object:
        if not ended:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
            with psycopg.connect(world.urls.operator) as other:
                own = "AND datname = current_database() AND pid <> pg_backend_pid()"
                ended.extend(done for (done,) in other.execute(f"{query} {own}", [other.info.user]))
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sealing, "row", row)
    stop = threading.Event()
    thread = threading.Thread(target=world.sealer.run, args=(stop,))
    thread.start()
    try:
        until(lambda: len(world.numbers()) >= 10)
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    assert True in ended
    assert world.numbers() == list(range(10))


def test_damage_is_named_in_the_trail_and_the_rest_is_sealed(world: World) -> None:
    spool = world.spool()
    for number in range(3):
        spool(world.use(number))
    spool.close()
    (directory,) = instances(world.root)
    (segment,) = directory.glob("*.seg")
    data = bytearray(segment.read_bytes())
    at = data.index(b"n1")
    data[at] ^= 1
    segment.write_bytes(bytes(data))
    for _ in range(3):
        world.sealer.seal()
    assert world.numbers() == [0, 2]
    ((action, objects),) = world.ask(
        "SELECT action, object_ids FROM audit_use WHERE tenant_id = %s", INSTALLATION
    )
    assert action == "lost"
    assert objects[0].startswith(directory.name)


_PROCESS = """
    import os, sys, threading
    os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.platform_django.settings"
    import django
    django.setup()
    from ringfence.platform_django.audit.sealer import AuditSealer
    from ringfence.platform.settings import load_settings
    AuditSealer(load_settings()).run(threading.Event())
"""


def test_kill_9_of_the_sealer_loses_and_doubles_nothing(world: World) -> None:
    database = world.settings.database
    environment = {
        **os.environ,
        "RINGFENCE_NODE__DATA_DIR": str(world.settings.data_dir),
        "RINGFENCE_DATABASE__OWNER_URL": database.owner_url or "",
        "RINGFENCE_DATABASE__APP_URL": database.app_url or "",
        "RINGFENCE_DATABASE__OPERATOR_URL": database.operator_url or "",
        "RINGFENCE_DATABASE__CALLPLANE_URL": database.callplane_url or "",
        "RINGFENCE_DATABASE__IDENTITY_URL": database.identity_url or "",
    }
    code = textwrap.dedent(_PROCESS).replace(
        "import AuditSealer\n", "import AuditSealer\n"
        "import ringfence.platform_django.audit.sealer as s; s._ROUND_SECONDS = 0.001\n", 1
    )  # fmt: skip
    spool = world.spool()
    number = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        try:
            sealed = len(world.numbers())
            deadline = time.monotonic() + 60
            while len(world.numbers()) < sealed + 50 and time.monotonic() < deadline:
                for _ in range(20):
                    spool(world.use(number))
                    number += 1
                spool.flush()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    while world.sealer.seal():
        pass
    assert number >= 200
    assert sorted(world.numbers()) == list(range(number))
