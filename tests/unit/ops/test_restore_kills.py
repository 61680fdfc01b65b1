"""A restore that is killed at any point of it: closed until the same command has finished it."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.ops.backup_rig import Rig, ringfence, until, write_config

from ringfence.entry.backup.state import Step, find_restore
from ringfence.platform.closed import closed_marker

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from ringfence.entry.backup import keystore, recovery, restore
from ringfence.platform import postgres
from tests.unit.ops.backup_rig import Rig

point = sys.argv[2]
place, _, name = point.partition(".")
module = {"keystore": keystore, "recovery": recovery, "restore": restore}[place]
name, when = name.split(":")
real = getattr(module, name)

def kill(*arguments, **options):
    if when == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, name, kill)
rig = Rig()
rig.restore(rig.plan(keys=rig.settings.backup.directory / "copy.sqlite"), report=lambda text: None)
"""

POINTS = [
    ("restore.save:after", Step.KEYS),
    ("keystore.put_aside:after", Step.KEYS),
    ("recovery.put_aside:after", Step.DATABASE),
    ("recovery.lay_down:after", Step.DATABASE),
    ("recovery._replay:after", Step.RECOVER),
    ("recovery.recover:after", Step.RECOVER),
    ("restore._restore_files:after", Step.OBJECTS),
    ("keystore.read_journal:after", Step.ERASE),
    ("restore.open_again:before", Step.ERASE),
]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="rf-kill-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        monkeypatch.setenv("RINGFENCE_CONFIG", str(write_config(folder)))
        rig = Rig()
        try:
            yield rig
        finally:
            rig.server.stop()


def test_killed_at_every_step(rig: Rig) -> None:
    rig.start()
    kept, erased = rig.persons(2)
    rig.add("kept", kept)
    rig.add("erased", erased)
    rig.back_up()
    rig.add("later")
    rig.server.stop()
    rig.erase(erased)
    # the copy of the store is from after the erasure: it has its journal
    (rig.directory / "copy.sqlite").write_bytes(store_as_file(rig))

    root = str(Path(__file__).parents[3])
    for point, step in POINTS:
        done = subprocess.run([sys.executable, "-c", KILLED, root, point], timeout=120)
        assert done.returncode == -signal.SIGKILL, point
        restore = find_restore(rig.settings)
        assert restore is not None, point
        assert restore.step is step, point
    refused = ringfence("serve")
    assert refused.returncode == 2
    assert "installation_closed" in refused.stderr

    begun = find_restore(rig.settings)
    assert begun is not None
    rig.restore(begun)
    assert not closed_marker(rig.settings).exists()
    rig.server.start()
    assert rig.names() == {"kept", "later"}
    # nothing was deleted: the first database is still whole
    assert (rig.settings.data_dir / f"postgres.before-{begun.id}" / "PG_VERSION").exists()
    until(lambda: not (rig.settings.data_dir / "postgres.restoring").exists())


def store_as_file(rig: Rig) -> bytes:
    store = rig.store()
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return rig.settings.key_store.read_bytes()
