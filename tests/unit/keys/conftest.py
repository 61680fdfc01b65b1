"""A key store in a temporary directory, opened as often as a test wants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ringfence.kernel.clock import ManualClock
from ringfence.platform.keys import erasure, rotation
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.roots import LocalRootKey
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore, Replica

TENANT = UUID(int=0xA)
ROOT = b"r" * 32
START = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Home:
    """Where a store lives."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store_path = directory / "data" / "keys.sqlite"
        self.slot_path = directory / "slots"
        self.clock = ManualClock(START)

    def open(
        self,
        *,
        slots: type[SlotFile] = SlotFile,
        replicas: Sequence[Replica] = (),
        root: bytes = ROOT,
    ) -> KeyStore:
        """Opened but not recovered."""
        key = LocalRootKey(root)
        file = slots(self.slot_path, key)
        try:
            return KeyStore(self.store_path, file, key, self.clock, replicas)
        except BaseException:
            file.close()
            raise

    @contextlib.contextmanager
    def opened(self, **options: Any) -> Iterator[KeyStore]:
        store = self.open(**options)
        try:
            rotation.recover(store)
            yield store
        finally:
            store.close()

    def image(self) -> bytes:
        """Everything on disk, byte for byte."""
        return b"".join(
            path.read_bytes() for path in sorted(self.directory.rglob("*")) if path.is_file()
        )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def store(home: Home) -> Iterator[KeyStore]:
    with home.opened() as store:
        yield store


def condemn(
    store: KeyStore, *persons: UUID, keep: Sequence[str] = (), tenant: UUID = TENANT, **more: Any
) -> int:
    """Order a destruction; the keys still exist."""
    erased = tuple(ErasePerson(person, tuple(keep)) for person in persons)
    with store.transaction():
        return erasure.condemn(store, tenant, Destruction(erased, **more))


def destroy(store: KeyStore, *persons: UUID, **more: Any) -> int:
    """Condemn and rotate; how many leaves a hold kept."""
    escrowed = condemn(store, *persons, **more)
    rotation.rotate_stale(store)
    return escrowed
