"""The verifier finds every tampering and names it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from ringfence.kernel.clock import from_micros, to_micros
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.storage import open_store
from ringfence.platform_django.audit.chain import Head, seal_batch
from ringfence.platform_django.audit.exported import read_exports
from ringfence.platform_django.audit.exports import export_heads
from ringfence.platform_django.audit.retention import drop_expired, retention_start
from ringfence.platform_django.audit.verify import Report, verify

from .conftest import ACME, BOLT, START, World

KEPT_FROM = retention_start(START, 36)
Found = set[tuple[str, UUID, int]]


def report(
    world: World,
    tenant: UUID | None = None,
    exported: Mapping[tuple[UUID, int], bytes] | None = None,
) -> Report:
    return verify(world.urls.operator, kept_from=KEPT_FROM, tenant=tenant, exported=exported)


def found(world: World, **given: Mapping[tuple[UUID, int], bytes]) -> Found:
    problems = report(world, None, given.get("exported")).problems
    return {(item.code, item.tenant, item.seq) for item in problems}


@pytest.fixture
def chains(world: World) -> World:
    """Five batches of ACME with two records each, three of BOLT, one of the installation."""
    spool = world.spool()
    world.batches(
        spool,
        *[[world.use(number), world.use(number + 1)] for number in range(0, 10, 2)],
        *[[world.use(number, BOLT)] for number in range(3)],
        [world.use(1, INSTALLATION)],
    )
    result = report(world)
    assert (result.tenants, result.batches, result.records) == (3, 9, 14)
    assert result.problems == []
    return world


def export(world: World) -> dict[tuple[UUID, int], bytes]:
    store = open_store(world.settings.heads_url, world.settings.storage)
    assert export_heads(store, world.clock.now())
    heads, problems = read_exports(store)
    assert problems == []
    return heads


def test_one_tenant_alone(chains: World) -> None:
    result = report(chains, BOLT)
    assert (result.tenants, result.batches, result.records) == (1, 3, 3)
    chains.tamper("DELETE FROM audit_use WHERE tenant_id = %s", ACME)
    assert report(chains, BOLT).ok
    assert not report(chains, ACME).ok


@pytest.mark.promise("CCA-05.0-07")
@pytest.mark.parametrize("at", [0, 5, 20, -1])
def test_a_changed_byte_of_a_record(chains: World, at: int) -> None:
    query = "SELECT id, record FROM audit_use WHERE tenant_id = %s AND batch_seq = 3 LIMIT 1"
    ((id_, record),) = chains.ask(query, ACME)
    data = bytearray(record)
    data[at] ^= 0x20
    assert chains.tamper("UPDATE audit_use SET record = %s WHERE id = %s", bytes(data), id_) == 1
    assert found(chains) == {("record_changed", ACME, 3)}


def test_a_changed_record_whose_columns_were_changed_with_it(chains: World) -> None:
    query = "SELECT id, record FROM audit_use WHERE tenant_id = %s AND batch_seq = 3 LIMIT 1"
    ((id_, data),) = chains.ask(query, ACME)
    record = msgspec.msgpack.decode(data, type=UseRecord)
    forged = msgspec.msgpack.encode(msgspec.structs.replace(record, actor="key:2"))
    chains.tamper("UPDATE audit_use SET record = %s, actor = 'key:2' WHERE id = %s", forged, id_)
    assert found(chains) == {("record_changed", ACME, 3)}


@pytest.mark.promise("CCA-05.0-07")
@pytest.mark.parametrize(
    "change",
    [
        "actor = 'key:2'",
        "credential = 'worker'",
        "action = 'seal'",
        "purpose = 'billing'",
        "outcome = 'ok '",
        "object_ids = '{}'",
        "at = at + interval '1 microsecond'",
    ],
)
def test_a_changed_column(chains: World, change: str) -> None:
    query = f"UPDATE audit_use SET {change} WHERE tenant_id = %s AND batch_seq = 2"
    assert chains.tamper(query, BOLT) == 1
    assert found(chains) == {("record_changed", BOLT, 2)}


def test_a_record_moved_to_another_time(chains: World) -> None:
    chains.tamper(
        "UPDATE audit_use SET id = '00000000-0000-7000-8000-000000000001' "
        "WHERE tenant_id = %s AND batch_seq = 2",
        BOLT,
    )
    assert found(chains) == {("record_changed", BOLT, 2)}


def test_records_in_another_order(chains: World) -> None:
    chains.tamper(
        "UPDATE audit_use SET batch_index = 1 - batch_index WHERE tenant_id = %s AND batch_seq = 4",
        ACME,
    )
    assert found(chains) == {("record_changed", ACME, 4)}


@pytest.mark.promise("CCA-05.0-07")
@pytest.mark.parametrize("which", ["batch_index = 0", "batch_index = 1", "true"])
def test_a_removed_record(chains: World, which: str) -> None:
    chains.tamper(f"DELETE FROM audit_use WHERE tenant_id = %s AND batch_seq = 2 AND {which}", ACME)
    assert found(chains) == {("record_removed", ACME, 2)}


@pytest.mark.parametrize("index", [0, 2, -1])
def test_an_added_record(chains: World, index: int) -> None:
    chains.tamper(
        "INSERT INTO audit_use SELECT gen_random_uuid(), tenant_id, at, credential, actor, action, "
        "purpose, object_ids, outcome, batch_seq, %s, record FROM audit_use "
        "WHERE tenant_id = %s AND batch_seq = 2 AND batch_index = 1",
        index,
        ACME,
    )
    assert ("record_added", ACME, 2) in found(chains)


def test_a_record_of_another_tenant(chains: World) -> None:
    chains.tamper(
        "UPDATE audit_use SET tenant_id = %s, batch_seq = 9 WHERE tenant_id = %s AND batch_seq = 1 "
        "AND batch_index = 0",
        BOLT,
        ACME,
    )
    assert found(chains) == {("record_removed", ACME, 1), ("record_without_batch", BOLT, 9)}


@pytest.mark.parametrize("seq", [1, 3])
def test_a_removed_batch(chains: World, seq: int) -> None:
    chains.tamper("DELETE FROM audit_batch WHERE tenant_id = %s AND seq = %s", ACME, seq)
    assert found(chains) == {("batch_missing", ACME, seq), ("record_without_batch", ACME, seq)}
    chains.tamper("DELETE FROM audit_use WHERE tenant_id = %s AND batch_seq = %s", ACME, seq)
    assert found(chains) == {("batch_missing", ACME, seq)}


def test_a_removed_batch_whose_followers_moved_up(chains: World) -> None:
    for table, column in (("audit_batch", "seq"), ("audit_use", "batch_seq")):
        chains.tamper(f"DELETE FROM {table} WHERE tenant_id = %s AND {column} = 3", ACME)
        for seq in (4, 5):
            chains.tamper(
                f"UPDATE {table} SET {column} = %s WHERE tenant_id = %s AND {column} = %s",
                seq - 1,
                ACME,
                seq,
            )
    assert found(chains) == {("batch_changed", ACME, 3), ("batch_changed", ACME, 4)}


def test_an_inserted_batch(chains: World) -> None:
    chains.tamper(
        "INSERT INTO audit_batch SELECT tenant_id, 6, first_at, last_at, 0, digest, head, head "
        "FROM audit_batch WHERE tenant_id = %s AND seq = 5",
        ACME,
    )
    assert ("batch_changed", ACME, 6) in found(chains)
    chains.tamper("UPDATE audit_batch SET seq = 0 WHERE tenant_id = %s AND seq = 6", ACME)
    assert ("batch_added", ACME, 0) in found(chains)


@pytest.mark.parametrize(
    "change",
    [
        "count = count + 1",
        "first_at = first_at - interval '10 years'",
        "last_at = last_at - interval '10 years'",
        "digest = sha256('x')",
        "digest = 'short'",
        "previous_head = sha256('x')",
        "head = sha256('x')",
    ],
)
def test_a_changed_batch(chains: World, change: str) -> None:
    chains.tamper(f"UPDATE audit_batch SET {change} WHERE tenant_id = %s AND seq = 2", ACME)
    assert ("batch_changed", ACME, 2) in found(chains)


def test_batches_in_another_order(chains: World) -> None:
    chains.tamper(
        "UPDATE audit_batch SET seq = CASE seq WHEN 2 THEN 30 ELSE 20 END "
        "WHERE tenant_id = %s AND seq IN (2, 3)",
        ACME,
    )
    chains.tamper("UPDATE audit_batch SET seq = seq / 10 WHERE seq >= 20")
    assert {("batch_changed", ACME, 2), ("batch_changed", ACME, 3)} <= found(chains)


@pytest.mark.parametrize("tables", [("audit_use",), ("audit_batch",), ("audit_use", "audit_batch")])
def test_swapped_tenants(chains: World, tables: tuple[str, ...]) -> None:
    for table in tables:
        for old, new in ((ACME, UUID(int=1)), (BOLT, ACME), (UUID(int=1), BOLT)):
            chains.tamper(f"UPDATE {table} SET tenant_id = %s WHERE tenant_id = %s", new, old)
    broken = found(chains)
    expected = "batch_changed" if "audit_batch" in tables else "record_changed"
    assert {(expected, ACME, 1), (expected, BOLT, 1)} <= broken


def test_a_rewritten_chain_is_found_by_the_exported_heads(chains: World) -> None:
    """Everything recomputed by somebody who may write everything: consistent, but not the same."""
    exported = export(chains)
    rows = chains.ask("SELECT seq, head FROM audit_batch WHERE tenant_id = %s ORDER BY seq", BOLT)
    head = Head(1, rows[0][1])
    for seq in (2, 3):
        ((id_, data, at),) = chains.ask(
            "SELECT id, record, at FROM audit_use WHERE tenant_id = %s AND batch_seq = %s",
            BOLT,
            seq,
        )
        record = msgspec.msgpack.decode(data, type=UseRecord)
        forged = msgspec.msgpack.encode(msgspec.structs.replace(record, actor="key:9"))
        batch = seal_batch(BOLT, head, [forged], [record.at])
        assert from_micros(record.at) == at
        head = Head(seq, batch.head)
        chains.tamper(
            "UPDATE audit_use SET record = %s, actor = 'key:9' WHERE id = %s", forged, id_
        )
        chains.tamper(
            "UPDATE audit_batch SET digest = %s, previous_head = %s, head = %s "
            "WHERE tenant_id = %s AND seq = %s",
            batch.digest, batch.previous, batch.head, BOLT, seq,
        )  # fmt: skip
    assert found(chains) == set()
    assert found(chains, exported=exported) == {("head_rewritten", BOLT, 3)}


def test_a_truncated_tail_is_found_by_the_exported_heads(chains: World) -> None:
    exported = export(chains)
    chains.tamper("DELETE FROM audit_batch WHERE tenant_id = %s AND seq >= 4", ACME)
    chains.tamper("DELETE FROM audit_use WHERE tenant_id = %s AND batch_seq >= 4", ACME)
    chains.tamper("DELETE FROM audit_batch WHERE tenant_id = %s", BOLT)
    chains.tamper("DELETE FROM audit_use WHERE tenant_id = %s", BOLT)
    assert found(chains) == set()
    assert found(chains, exported=exported) == {
        ("exported_batch_missing", ACME, 5),
        ("exported_batch_missing", BOLT, 3),
    }


def test_heads_are_exported_once_a_day_and_chained(chains: World) -> None:
    store = open_store(chains.settings.heads_url, chains.settings.storage)
    export(chains)
    assert export_heads(store, chains.clock.now()) is False
    chains.clock.advance(timedelta(days=1))
    chains.batches(chains.spools[0], [chains.use(10)])
    assert export_heads(store, chains.clock.now()) is True
    chains.clock.advance(timedelta(days=3))
    assert export_heads(store, chains.clock.now()) is True
    keys = sorted(store.list())
    assert keys == ["heads-2026-11-22.json", "heads-2026-11-23.json", "heads-2026-11-26.json"]
    heads, problems = read_exports(store)
    assert problems == []
    assert {seq for tenant, seq in heads if tenant == ACME} == {5, 6}
    assert report(chains, None, heads).ok
    only = read_exports(store, BOLT)[0]
    assert {tenant for tenant, _ in only} == {BOLT}

    store.delete(keys[0])
    assert read_exports(store)[1] == [], "old exports may be cleared away"
    middle = b"".join(store.read(keys[1]))
    store.put(keys[1], middle.replace(b'"seq":6', b'"seq":5'))
    assert {item.code for item in read_exports(store)[1]} == {"export_changed"}
    store.put(keys[1], middle)
    assert read_exports(store)[1] == []
    store.put(keys[1], b"{}")
    assert {item.code for item in read_exports(store)[1]} == {"export_changed"}


def test_retention_removes_whole_months_and_the_chain_holds(world: World) -> None:
    spool = world.spool()
    years = timedelta(days=3 * 366)
    before = [START - years - timedelta(days=days) for days in (60, 31, 3)]
    old = [int(moment.timestamp() * 1_000_000) for moment in before]
    world.batches(spool, [world.use(index, at=at) for index, at in enumerate(old)], [world.use(9)])
    assert found(world) == set()
    assert drop_expired(world.clock.now(), 36) == 0, "they stood in the default partition"
    assert world.numbers() == [2, 9], "September and October 2023 are gone, November is kept"
    result = report(world)
    assert result.ok
    assert (result.batches, result.expired) == (4, 2)


def test_a_month_of_its_own_is_dropped(world: World) -> None:
    world.tamper(
        "CREATE TABLE audit_use_p202001 PARTITION OF audit_use "
        "FOR VALUES FROM ('016f5e66-e800-7000-8000-000000000000') "
        "TO ('016ffe0c-4c00-7000-8000-000000000000')"
    )
    old = to_micros(datetime(2020, 1, 15, tzinfo=UTC))
    world.batches(world.spool(), [world.use(1, at=old)], [world.use(2)])
    exists = "SELECT to_regclass('audit_use_p202001') IS NOT NULL"
    assert world.ask("SELECT count(*) FROM audit_use_p202001") == [(1,)]
    assert drop_expired(datetime(2023, 1, 31, tzinfo=UTC), 36) == 0
    assert world.ask(exists) == [(True,)]
    assert drop_expired(datetime(2023, 2, 1, tzinfo=UTC), 36) == 1
    assert world.ask(exists) == [(False,)]
    assert world.numbers() == [2]
    assert report(world).expired == 1


def test_rows_that_retention_does_not_explain_are_missed(world: World) -> None:
    spool = world.spool()
    moment = START - timedelta(days=3 * 366 + 31)
    old = int(moment.timestamp() * 1_000_000)
    world.batches(spool, [world.use(1, at=old), world.use(2, at=old)], [world.use(3)])
    world.tamper("DELETE FROM audit_use WHERE batch_index = 0 AND batch_seq = 1")
    assert found(world) == {("record_removed", ACME, 1)}, "some of a batch, not all"
    world.tamper("DELETE FROM audit_use")
    assert found(world) == {("record_removed", ACME, 2)}


def test_public_ids_stand_in_the_export(chains: World) -> None:
    export(chains)
    store = open_store(chains.settings.heads_url, chains.settings.storage)
    content = b"".join(store.read("heads-2026-11-22.json")).decode()
    assert public_id(Prefix.TENANT, ACME) in content
