"""The store: durable rows, two keys to each, recovery of an interrupted destruction, no remains."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.unit.keys.conftest import ROOT, TENANT, Home, condemn, destroy

from ringfence.platform.keys import crypto, names, persons, rotation
from ringfence.platform.keys.errors import KeyDestroyed, StoreDamaged, Unreadable
from ringfence.platform.keys.names import KeyName
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.keys.roots import (
    LocalRootKey,
    root_key_from_environment,
    root_key_from_file,
)
from ringfence.platform.keys.shard import Shard
from ringfence.platform.keys.slots import FILE_BYTES, SHARDS, SlotFile
from ringfence.platform.keys.store import KeyStore

CALLER = Identifier("e164", "+14155550123")


def make_person(store: KeyStore, identifier: Identifier = CALLER, tenant: UUID = TENANT) -> UUID:
    with store.transaction():
        return persons.resolve(store, tenant, [identifier])[0].person


def make_item(store: KeyStore) -> UUID:
    item = uuid4()
    with store.transaction():
        persons.create_items(store, TENANT, [NewItem(item, ())])
    return item


def shard_of(store: KeyStore, name: KeyName) -> int:
    known = store._tenant(name.tenant)
    assert known is not None
    return store._route(known[2], name)


def test_rows_survive_reopening(home: Home) -> None:
    with home.opened() as store:
        person = make_person(store)
        value = store.get(names.person_name(TENANT, person))
    with home.opened() as store:
        assert store.get(names.person_name(TENANT, person)) == value
        assert store.get(names.person_name(UUID(int=0xB), person)) is None
        assert store.get(names.item_name(TENANT, person)) is None


def test_a_failed_transaction_leaves_nothing(store: KeyStore) -> None:
    item = uuid4()
    with pytest.raises(ZeroDivisionError), store.transaction():
        persons.create_items(store, TENANT, [NewItem(item, ())])
        raise ZeroDivisionError
    assert store.get(names.item_name(TENANT, item)) is None
    assert make_person(store)  # the tenant that was made inside is not remembered


def test_file_tells_nothing_of_identifiers_and_holds_no_bare_key(home: Home) -> None:
    with home.opened() as store:
        person = make_person(store)
        seed = store.get(names.person_name(TENANT, person))
        image = home.image()
    assert seed is not None
    for secret in (b"4155550123", seed[:32], person.bytes, ROOT):
        assert secret not in image


def test_wrong_root_key_or_foreign_slot_file(home: Home, tmp_path: Path) -> None:
    with home.opened() as store:
        make_person(store)
    with pytest.raises(StoreDamaged):
        home.open(root=b"x" * 32)
    slots = home.slot_path.read_bytes()
    home.slot_path.unlink()
    with pytest.raises(StoreDamaged):
        home.open()
    home.slot_path.write_bytes(slots)
    with home.opened():
        pass
    home.store_path.rename(tmp_path / "moved")
    with pytest.raises(StoreDamaged):
        home.open()
    assert home.slot_path.read_bytes() == slots, "keys of a store that was moved away must live"


def test_second_owner_is_refused(home: Home) -> None:
    with home.opened(), pytest.raises(StoreDamaged):
        home.open()


def test_start_that_was_cut_short_is_completed(home: Home) -> None:
    class Dies(SlotFile):
        def write(self, shard: int, generation: int, key: bytes) -> None:
            if shard == 10:
                raise InterruptedError
            super().write(shard, generation, key)

    with pytest.raises(InterruptedError):
        home.open(slots=Dies)
    with home.opened() as store:
        assert make_person(store)


def test_slot_file_never_moves_or_grows(home: Home) -> None:
    with home.opened() as store:
        person = make_person(store)
        before = home.slot_path.stat()
        destroy(store, person)
        after = home.slot_path.stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert after.st_size == FILE_BYTES == 64 * 2 * 4096
    assert after.st_blocks * 512 >= FILE_BYTES, "allocated, not sparse"


def test_destroyed_is_gone_and_others_live(home: Home) -> None:
    with home.opened() as store:
        items = [make_item(store) for _ in range(300)]
        values = {item: store.get(names.item_name(TENANT, item)) for item in items}
        destroy(store, items=tuple(items[:3]))
        for opened_again in (False, True):
            if opened_again:
                store.close()
                store = home.open()
            for item in items[:3]:
                assert store.get(names.item_name(TENANT, item)) is None
                assert store.tombstoned(names.item_name(TENANT, item))
                with pytest.raises(KeyDestroyed), store.transaction():
                    persons.create_items(store, TENANT, [NewItem(item, ())])
            for item in items[3:]:
                assert store.get(names.item_name(TENANT, item)) == values[item]


def test_destroys_of_one_shard_take_one_rotation(store: KeyStore) -> None:
    items = [make_item(store) for _ in range(200)]
    shards = {shard_of(store, names.item_name(TENANT, item)) for item in items}
    before = {number: store.shards[number].generation for number in shards}
    condemn(store, items=tuple(items))
    assert rotation.rotate_stale(store) == len(shards)
    assert all(store.shards[number].generation == before[number] + 1 for number in shards)
    assert rotation.rotate_stale(store) == 0


def test_raw_scan_after_destroy(home: Home) -> None:
    """Every byte on disk, and everything that any living key can unwrap from it."""
    with home.opened() as store:
        dead, marker = make_item(store), make_item(store)
        dead_name = names.item_name(TENANT, dead)
        shard = store.shards[shard_of(store, dead_name)]
        while shard_of(store, names.item_name(TENANT, marker)) == shard.number:
            marker = make_item(store)
        living = store.shards[shard_of(store, names.item_name(TENANT, marker))]
        slot_bytes = {
            number: home.slot_path.read_bytes()[index * 4096 : index * 4096 + 71]
            for number in (shard.number, living.number)
            for index in (2 * number + store.slots.generations(number)[1],)
        }
        known = store._tenant(TENANT)
        assert known is not None
        bodies = [
            (lookup, body)
            for lookup, body in store.db.execute(
                "SELECT lookup, body FROM key WHERE shard IN (?, ?)", (shard.number, living.number)
            )
        ]
        before = home.image()

        def readable(image: bytes, shards: list[Shard]) -> set[KeyName]:
            """What an attacker with tenant keys and these shard keys finds in an image."""
            found = set()
            for lookup, body in bodies:
                if body not in image:
                    continue
                for candidate in shards:
                    try:
                        found.add(candidate.unwrap(TENANT, known[1], lookup, body)[0])
                    except Unreadable:
                        continue
            return found

        marker_name = names.item_name(TENANT, marker)
        assert {dead_name, marker_name} <= readable(before, store.shards)
        assert slot_bytes[shard.number] in before and slot_bytes[living.number] in before

        value = store.get(dead_name)
        assert value is not None
        destroy(store, items=(dead,))
        after = home.image()
        bodies += store.db.execute("SELECT lookup, body FROM key").fetchall()
        old_body = next(b for x, b in bodies if x == shard.lookup(dead_name))
        assert old_body in after, "the WAL keeps the wrapped key: only its shard key is gone"
        assert marker_name in readable(after, store.shards), "the scan finds what is there"
        assert dead_name not in readable(after, store.shards)
        assert slot_bytes[living.number] in after, "the scan finds a slot that lives"
        assert slot_bytes[shard.number] not in after
        assert slot_bytes[shard.number][8:40] not in after
        assert value[:32] not in after and shard._key not in after
        # a copy of everything taken before, read with every key that exists now
        assert dead_name not in readable(before, store.shards)
        assert dead_name in readable(before, [shard]), "it was the old shard key that opened it"


def test_root_key_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret" / "root.key"
    wrapped = root_key_from_file(path).wrap(KEY, b"x")
    assert root_key_from_file(path).unwrap(wrapped, b"x") == KEY
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreDamaged):
        root_key_from_file(path).unwrap(wrapped, b"y")
    assert root_key_from_environment() is None
    monkeypatch.setenv("RINGFENCE_ROOT_KEY", path.read_text())
    from_environment = root_key_from_environment()
    assert from_environment is not None and from_environment.unwrap(wrapped, b"x") == KEY
    assert "RINGFENCE_ROOT_KEY" not in os.environ
    for wrong in ("short", "*" * 43, ""):
        monkeypatch.setenv("RINGFENCE_ROOT_KEY", wrong)
        with pytest.raises(StoreDamaged):
            root_key_from_environment()
    path.chmod(0o640)
    with pytest.raises(StoreDamaged):
        root_key_from_file(path)


KEY = bytes(range(32))


def test_contradiction_is_found(home: Home) -> None:
    """An older row is put back beside its tombstone."""
    with home.opened() as store:
        item = make_item(store)
        assert store.contradictions() == []
        with store.transaction():
            store.db.execute(
                "INSERT INTO tombstone VALUES (?, 0)", (names.item_name(TENANT, item).encode(),)
            )
        assert store.contradictions() == [names.item_name(TENANT, item)]


def test_swapped_rows_do_not_open(store: KeyStore) -> None:
    one, two = make_item(store), make_item(store)
    rows = []
    for item in (one, two):
        name = names.item_name(TENANT, item)
        number = shard_of(store, name)
        rows.append((number, store.shards[number].lookup(name)))
    (body,) = store.db.execute(
        "SELECT body FROM key WHERE shard = ? AND lookup = ?", rows[0]
    ).fetchone()
    with store.transaction():
        store.db.execute("UPDATE key SET body = ? WHERE shard = ? AND lookup = ?", (body, *rows[1]))
    with pytest.raises(Unreadable):
        store.get(names.item_name(TENANT, two))


def test_every_commit_is_on_disk(store: KeyStore) -> None:
    assert store.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert sqlite3.threadsafety >= 1


def test_shards_are_used_evenly_and_apart_by_tenant(store: KeyStore) -> None:
    ids = [uuid4() for _ in range(640)]
    make_person(store)
    make_person(store, tenant=UUID(int=0xB))
    used = {shard_of(store, names.item_name(TENANT, id_)) for id_ in ids}
    assert len(used) == SHARDS
    moved = [
        id_
        for id_ in ids
        if shard_of(store, names.item_name(TENANT, id_))
        != shard_of(store, names.item_name(UUID(int=0xB), id_))
    ]
    assert len(moved) > 560


def test_a_damaged_slot_stops_the_start(home: Home) -> None:
    with home.opened() as store:
        make_person(store)
        slot = store.slots.generations(0)[1]
    raw = bytearray(home.slot_path.read_bytes())
    raw[slot * 4096 + 30] ^= 1
    home.slot_path.write_bytes(bytes(raw))
    with pytest.raises(StoreDamaged):
        home.open()
    with pytest.raises(StoreDamaged):
        SlotFile(home.store_path, LocalRootKey(crypto.new_key()))
