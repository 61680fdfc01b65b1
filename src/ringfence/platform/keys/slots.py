"""The slot file: two slots for each of 64 shard keys, overwritten in place and never moved.

A slot fills a disk block of its own: ``generation (u64) || shard key wrapped under the root key``,
or all zeros when free. It must lie on a file system that overwrites in place, outside the data
directory, its backups and its snapshots.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ringfence.platform.keys.errors import StoreDamaged
from ringfence.platform.keys.roots import RootKey, sync_directory

SHARDS = 64
SLOT_BYTES = 4096
FILE_BYTES = 2 * SHARDS * SLOT_BYTES


class SlotFile:
    """Shard keys by shard and generation. Raises StoreDamaged when the file is not one of ours."""

    def __init__(self, path: Path, root: RootKey) -> None:
        self._root = root
        self._fd = _open(path)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise StoreDamaged(f"another process uses the slot file {path}") from None

    def generations(self, shard: int) -> dict[int, int]:
        """Generation to slot (0 or 1) of those in use."""
        found = {}
        for slot in (0, 1):
            generation = int.from_bytes(os.pread(self._fd, 8, _offset(shard, slot)), "big")
            if generation:
                found[generation] = slot
        return found

    def read(self, shard: int, generation: int) -> bytes:
        """The shard key of a generation. Raises StoreDamaged when it is not there."""
        return self._root.unwrap(self.wrapped(shard, generation), _context(shard, generation))

    def wrapped(self, shard: int, generation: int) -> bytes:
        """What ``read`` unwraps. Raises StoreDamaged when it is not there."""
        slot = self.generations(shard).get(generation)
        if slot is None:
            raise StoreDamaged("the slot file does not belong to this key store")
        raw = os.pread(self._fd, SLOT_BYTES, _offset(shard, slot))
        return raw[10 : 10 + int.from_bytes(raw[8:10], "big")]

    def rewrap(self, shard: int, generation: int) -> None:
        """Wrap a shard key anew, in place: it stands in one sector, which changes as a whole."""
        key = self.read(shard, generation)
        self._fill(shard, self.generations(shard)[generation], generation, key)

    def write(self, shard: int, generation: int, key: bytes) -> None:
        """Put a shard key into the free slot; durable on return."""
        used = self.generations(shard)
        if len(used) > 1 or generation in used:
            raise StoreDamaged("no slot is free for a new shard key")
        self._fill(shard, 1 - next(iter(used.values()), 1), generation, key)

    def _fill(self, shard: int, slot: int, generation: int, key: bytes) -> None:
        wrapped = self._root.wrap(key, _context(shard, generation))
        raw = generation.to_bytes(8, "big") + len(wrapped).to_bytes(2, "big") + wrapped
        self._overwrite(shard, slot, raw.ljust(SLOT_BYTES, b"\0"))

    def erase(self, shard: int, generation: int) -> None:
        """Overwrite the slot of a generation in place; durable on return. Idempotent."""
        slot = self.generations(shard).get(generation)
        if slot is not None:
            self._overwrite(shard, slot, bytes(SLOT_BYTES))

    def scrub(self, shard: int) -> None:
        """Overwrite what an interrupted write may have left in a slot that counts as free."""
        for slot in {0, 1} - set(self.generations(shard).values()):
            if any(os.pread(self._fd, SLOT_BYTES, _offset(shard, slot))):
                self._overwrite(shard, slot, bytes(SLOT_BYTES))

    def close(self) -> None:
        """Let go of the file and its lock."""
        os.close(self._fd)

    def _overwrite(self, shard: int, slot: int, raw: bytes) -> None:
        if os.pwrite(self._fd, raw, _offset(shard, slot)) != SLOT_BYTES:
            raise OSError("short write to the slot file")
        os.fsync(self._fd)


def _offset(shard: int, slot: int) -> int:
    return (2 * shard + slot) * SLOT_BYTES


def _context(shard: int, generation: int) -> bytes:
    return b"shard" + bytes((shard,)) + generation.to_bytes(8, "big")


def _open(path: Path) -> int:
    """Open the file, made with all its blocks allocated if there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        draft = path.with_name(f".{path.name}.new")
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.pwrite(fd, bytes(FILE_BYTES), 0)  # written, not only reserved: blocks never move later
        os.fsync(fd)
        draft.rename(path)
        sync_directory(path.parent)
    if os.fstat(fd).st_size != FILE_BYTES:
        os.close(fd)
        raise StoreDamaged(f"not a slot file: {path}")
    return fd
