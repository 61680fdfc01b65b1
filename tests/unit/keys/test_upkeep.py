"""Rotation by hand, another root key, copies of the store, and where the root key comes from."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.keys_fixture import Keys
from tests.unit.keys.conftest import ROOT, START, TENANT, Home, destroy

from ringfence.entry.doctor import keys as doctor
from ringfence.kernel.clock import ManualClock
from ringfence.platform.keys import messages as m
from ringfence.platform.keys import names, persons, roots, rotation
from ringfence.platform.keys.erasure import Destruction
from ringfence.platform.keys.errors import Refused, StoreDamaged, UnfitName
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.keys.roots import LocalRootKey, RootKeys, root_key_from_command
from ringfence.platform.keys.slots import SHARDS, SlotFile
from ringfence.platform.keys.store import KeyStore

OLD, NEW = LocalRootKey(ROOT), LocalRootKey(b"n" * 32)
KEY_TEXT = base64.urlsafe_b64encode(bytes(range(32))).decode()


class Crash(BaseException):
    pass


def opened(home: Home, key: LocalRootKey, slots: type[SlotFile] = SlotFile) -> KeyStore:
    root = RootKeys(key)
    file = slots(home.slot_path, root)
    try:
        return KeyStore(home.store_path, file, root, ManualClock(START))
    except BaseException:
        file.close()
        raise


def root_of(store: KeyStore) -> RootKeys:
    assert isinstance(store._root, RootKeys)
    return store._root


def make_item(store: KeyStore, tenant: UUID = TENANT) -> UUID:
    item = uuid4()
    with store.transaction():
        persons.create_items(store, tenant, [NewItem(item, ())])
    return item


def items_open(home: Home, key: LocalRootKey, items: list[tuple[UUID, UUID]]) -> bool:
    """Whether a root key alone opens the store, and in it everything."""
    try:
        store = opened(home, key)
    except StoreDamaged:
        return False
    try:
        return all(store.get(names.item_name(tenant, item)) for tenant, item in items)
    except StoreDamaged:
        return False
    finally:
        store.close()


@pytest.fixture
def items(home: Home) -> list[tuple[UUID, UUID]]:
    """Items of three tenants."""
    store = opened(home, OLD)
    try:
        return [
            (tenant, make_item(store, tenant))
            for tenant in (TENANT, UUID(int=0xB), UUID(int=0xC))
            for _ in range(5)
        ]
    finally:
        store.close()


def test_both_root_keys_then_only_the_one_it_was_started_with(
    home: Home, items: list[tuple[UUID, UUID]]
) -> None:
    assert items_open(home, OLD, items) and not items_open(home, NEW, items)
    store = opened(home, OLD)
    root_of(store).add(NEW)
    assert rotation.rewrap_roots(store, root_of(store)) == SHARDS + 3
    items.append((TENANT, make_item(store)))
    items.append((UUID(int=0xD), make_item(store, UUID(int=0xD))))  # a tenant made meanwhile
    rotation.rotate_shard(store, 7)
    destroy(store, items=(items.pop(0)[1],))
    with pytest.raises(UnfitName):
        root_of(store).add(NEW)
    store.close()
    assert items_open(home, OLD, items) and items_open(home, NEW, items)
    store = opened(home, NEW)
    assert rotation.rewrap_roots(store, root_of(store)) == SHARDS + 4
    assert rotation.rewrap_roots(store, root_of(store)) == 0
    store.close()
    assert items_open(home, NEW, items) and not items_open(home, OLD, items)


def test_started_with_the_old_one_the_new_one_is_given_up(
    home: Home, items: list[tuple[UUID, UUID]]
) -> None:
    store = opened(home, OLD)
    root_of(store).add(NEW)
    rotation.rewrap_roots(store, root_of(store))
    store.close()
    store = opened(home, OLD)
    rotation.rewrap_roots(store, root_of(store))
    store.close()
    assert items_open(home, OLD, items) and not items_open(home, NEW, items)


class Crashing(SlotFile):
    """Fails at one of the wraps made anew."""

    left = 1 << 30

    def rewrap(self, shard: int, generation: int) -> None:
        type(self).left -= 1
        if type(self).left < 0:
            raise Crash
        super().rewrap(shard, generation)


@pytest.mark.parametrize("after", [0, 1, 30, SHARDS - 1, SHARDS])
@pytest.mark.parametrize("dropping", [False, True])
def test_interrupted_one_root_key_opens_everything(
    home: Home, items: list[tuple[UUID, UUID]], after: int, dropping: bool
) -> None:
    """Crash while wrapping under both, or dropping the old: the key in use opens all."""
    if dropping:
        store = opened(home, OLD)
        root_of(store).add(NEW)
        rotation.rewrap_roots(store, root_of(store))
        store.close()
    in_use = NEW if dropping else OLD
    store = opened(home, in_use, Crashing)
    if not dropping:
        root_of(store).add(NEW)
    if after == SHARDS:  # slots are done, tenants are not committed
        store.db.set_authorizer(
            lambda action, *_: (
                sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_UPDATE else sqlite3.SQLITE_OK
            )
        )
    Crashing.left = after
    with pytest.raises((Crash, sqlite3.DatabaseError)):
        rotation.rewrap_roots(store, root_of(store))
    Crashing.left = 1 << 30
    store.close()
    assert items_open(home, in_use, items)
    store = opened(home, in_use)  # and the start completes or undoes it
    rotation.rewrap_roots(store, root_of(store))
    assert rotation.rewrap_roots(store, root_of(store)) == 0
    store.close()
    assert items_open(home, in_use, items)
    assert not items_open(home, OLD if dropping else NEW, items)


# --- where the root key comes from


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "root-key"


def write_program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)


def test_root_key_command(program: Path) -> None:
    write_program(program, 'echo "$1"')
    root = root_key_from_command([str(program), KEY_TEXT])
    same = LocalRootKey(bytes(range(32)))
    assert same.unwrap(root.wrap(b"k" * 32, b"x"), b"x") == b"k" * 32
    marker = program.with_name("marker")
    with pytest.raises(StoreDamaged):  # no shell looks at the arguments
        root_key_from_command([str(program), f"; touch {marker}; $(touch {marker})"])
    assert not marker.exists()


@pytest.mark.parametrize(
    "body", [f"echo {KEY_TEXT}; exit 3", "exit 0", "echo short", "printf '\\377\\376'"]
)
def test_root_key_command_that_fails(program: Path, body: str) -> None:
    write_program(program, body)
    with pytest.raises(StoreDamaged) as error:
        root_key_from_command([str(program)])
    assert "root_key_command" in error.value.message and KEY_TEXT not in error.value.message


def test_root_key_command_that_hangs_or_is_missing(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "COMMAND_SECONDS", 0.2)
    write_program(program, "exec sleep 30")
    begun = time.monotonic()
    for command in ([str(program)], [str(program) + ".none"], [], ["\0"]):
        with pytest.raises(StoreDamaged) as error:
            root_key_from_command(command)
        assert "root_key_command" in error.value.message
    assert time.monotonic() - begun < 10


def test_doctor_knows_the_command(program: Path) -> None:
    assert not doctor._check_root_key_command((str(program),)).ok
    assert not doctor._check_root_key_command(()).ok
    write_program(program, "exit 0")
    assert doctor._check_root_key_command((str(program), "arg")).ok


# --- through the running process


def test_copy_of_the_store(keys: Keys, tmp_path: Path) -> None:
    worker, path = keys.blocking(), tmp_path / "copy"
    item, later = uuid4(), uuid4()
    worker.resolve(TENANT, [Identifier("user", "1")], [NewItem(item, ())])
    size = worker.backup(path)
    assert size == path.stat().st_size and path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path], "no draft is left"
    worker.resolve(TENANT, [], [NewItem(later, ())])
    for unfit in (path, tmp_path / "none" / "copy", Path("relative")):
        with pytest.raises(UnfitName):
            worker.backup(unfit)
    with pytest.raises(Refused):
        keys.blocking("web").backup(tmp_path / "other")
    keys.stop()
    keys.lease_seconds = 0.2
    keys.settings.key_store.write_bytes(path.read_bytes())
    for suffix in ("-wal", "-shm"):
        keys.settings.key_store.with_name(f"keys.sqlite{suffix}").unlink(missing_ok=True)
    keys.start()
    (found,) = worker.find(TENANT, [Identifier("user", "1")])
    assert found is not None, "put back before any shard was rotated, it opens"
    worker.destroy(TENANT, Destruction(items=(item,)), actor="test")
    keys.stop()
    keys.settings.key_store.write_bytes(path.read_bytes())
    for suffix in ("-wal", "-shm"):
        keys.settings.key_store.with_name(f"keys.sqlite{suffix}").unlink(missing_ok=True)
    with pytest.raises(StoreDamaged):  # what was destroyed does not come back
        keys.start()


def test_rotating_by_hand(keys: Keys) -> None:
    cli = keys.blocking("cli")
    (found,) = cli.resolve(TENANT, [Identifier("user", "1")])
    before = keys.settings.key_slots.read_bytes()
    generations = [cli.call("rotate", m.RotateRequest(shard), int) for shard in range(SHARDS)]
    assert generations == [2] * SHARDS
    after = keys.settings.key_slots.read_bytes()
    blocks = [before[at : at + 71] for at in range(0, len(before), 4096)]
    assert not any(block in after for block in blocks if any(block))
    assert cli.find(TENANT, [Identifier("user", "1")])[0] == type(found)(found.person, 1, new=False)
    for shard in (-1, SHARDS):
        with pytest.raises(UnfitName):
            cli.call("rotate", m.RotateRequest(shard), int)
    with pytest.raises(Refused):
        keys.blocking("worker").call("rotate", m.RotateRequest(0), int)
    with pytest.raises(UnfitName):  # not one that is held in memory here
        cli.call("reroot", m.RerootRequest(KEY_TEXT), int)
