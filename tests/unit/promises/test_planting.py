"""Files that are planted come off again, also after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from ringfence.entry.promises.site import Canary, NoLocalObjects, Site
from ringfence.platform.settings import NodeSettings, Settings, StorageSettings
from ringfence.policies.profiles import load_profile

_PROGRAM = """
import sys, time
from pathlib import Path
from tests.unit.promises.test_planting import site
path = Path(sys.argv[2])
with site(Path(sys.argv[1])).planted_file(path, b"planted", "x"):
    print("planted", flush=True)
    time.sleep(60)
"""


class _Twins:
    tenant = UUID(int=1)
    quiet = UUID(int=2)
    closed = UUID(int=3)


def site(folder: Path, **storage: Any) -> Site:
    settings = Settings(
        node=NodeSettings(data_dir=folder / "var"), storage=StorageSettings(**storage)
    )
    return Site(settings, cast(Any, None), cast(Canary, _Twins()), load_profile())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "var" / "objects" / UUID(int=1).hex / "tracks" / "one"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("before", [None, b"", b"what was there"])
def test_what_was_there_comes_back(tmp_path: Path, place: Path, before: bytes | None) -> None:
    if before is not None:
        place.write_bytes(before)
    for planted in (b"planted", None):
        with site(tmp_path).planted_file(place, planted, "a name") as subject:
            now = place.read_bytes() if place.exists() else None
            assert (subject, now) == ("a name", planted)
    assert (place.read_bytes() if place.exists() else None) == before
    assert [path.name for path in place.parent.iterdir()] == ([] if before is None else ["one"])


@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_killed_examiner_is_mended_after(
    tmp_path: Path, place: Path, before: bytes | None
) -> None:
    if before is not None:
        place.write_bytes(before)
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path), str(place)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": root},
        cwd=root,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"planted\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert place.read_bytes() == b"planted"
    assert site(tmp_path).mend() == 1
    assert (place.read_bytes() if place.exists() else None) == before
    assert site(tmp_path).mend() == 0


def test_objects_elsewhere_are_not_looked_at(tmp_path: Path) -> None:
    away = site(tmp_path, url="s3://bucket/prefix")
    with pytest.raises(NoLocalObjects):
        _ = away.objects
