"""The raw device after destructions: ext4 on a loop device, read below the file system."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.unit.keys.conftest import TENANT, Home, destroy

from ringfence.platform.keys import crypto, names, persons
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.persons import NewItem
from ringfence.platform.keys.slots import SHARDS
from ringfence.platform.keys.store import KeyStore

IMAGE_BYTES = 24 << 20


class Device:
    """A file system whose every byte can be read, also those that belong to no file."""

    def __init__(self, image: Path, point: Path) -> None:
        self.image = image
        self.point = point

    def raw(self) -> bytes:
        os.sync()
        return self.image.read_bytes()


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        pytest.skip(f"{command[0]} is not permitted here: {done.stderr.strip()}")


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    if os.geteuid() != 0:
        pytest.skip("mounting a loop device needs root")
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool, path=f"{os.environ['PATH']}:/sbin:/usr/sbin") is None:
            pytest.skip(f"{tool} is not installed")
    image, point = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    point.mkdir()
    run("/sbin/mkfs.ext4", "-q", str(image))
    run("mount", "-o", "loop", str(image), str(point))
    try:
        yield Device(image, point)
    finally:
        subprocess.run(["umount", str(point)], timeout=60, check=True)


def make_items(store: KeyStore, count: int) -> list[UUID]:
    items = [uuid4() for _ in range(count)]
    with store.transaction():
        persons.create_items(store, TENANT, [NewItem(item, ()) for item in items])
    return items


def test_the_raw_device_keeps_no_destroyed_key(device: Device) -> None:
    """What is left of a hundred destroyed keys opens with no key that is left."""
    home = Home(device.point)
    with home.opened() as store:
        items = make_items(store, 400)
        dead, living = items[:100], items[100:]
        tenant = store._tenant(TENANT)
        assert tenant is not None
        rows = store.db.execute("SELECT shard, lookup, body FROM key").fetchall()
        old = list(store.shards)
        wraps = [store.slots.wrapped(n, old[n].generation) for n in range(SHARDS)]
        secrets = {item: store.get(names.item_name(TENANT, item)) for item in items}
        before = device.raw()
        assert all(wrap in before for wrap in wraps), "the scan finds what is there"

        destroy(store, items=tuple(dead))
        new = list(store.shards)
        rotated = [n for n in range(SHARDS) if new[n].generation != old[n].generation]
        kept = [n for n in range(SHARDS) if n not in rotated]
        after = device.raw()
        assert len(rotated) > 30
        for n in rotated:
            assert wraps[n] not in after and wraps[n][13:45] not in after
            assert store.slots.wrapped(n, new[n].generation) in after
        assert all(wraps[n] in after for n in kept), "the scan finds a slot that lives"
        for item, secret in secrets.items():
            assert secret is not None and secret[: crypto.KEY_BYTES] not in after, item
        assert not any(shard._key in after for shard in [*old, *new])

        found, readable = 0, set()
        for number, lookup, body in rows:
            if body not in after:
                continue
            found += 1
            for shard in (new[number], *[old[n] for n in kept if n == number]):
                try:
                    readable.add(shard.unwrap(TENANT, tenant[1], lookup, body)[0])
                except Unreadable:
                    continue
        assert found > 100, "the device still holds the wrapped keys themselves"
        assert not any(names.item_name(TENANT, item) in readable for item in dead)
        for item in living:
            assert store.get(names.item_name(TENANT, item)) == secrets[item]
