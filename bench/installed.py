"""A database and the process ``keys``; a benchmark is another process of the installation."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ringfence.platform.settings import Settings


@dataclass(frozen=True)
class Installed:
    """Everything of it is gone at the end."""

    settings: Settings
    postgres: psutil.Process
    keys: psutil.Process


@contextlib.contextmanager
def installed(process: str, **environment: str) -> Iterator[Installed]:
    """An empty installation; Django is set up here as it is in ``process``.

    ``environment`` are settings by their variables' names without ``RINGFENCE_``.
    """
    home = Path(tempfile.mkdtemp(prefix="rf-bench-"))
    home.chmod(0o755)
    os.environ["RINGFENCE_NODE__DATA_DIR"] = str(home / "var")
    os.environ.update({f"RINGFENCE_{name}": value for name, value in environment.items()})
    from ringfence.entry.database import prepare, setup_django
    from ringfence.platform.postgres import EmbeddedPostgres
    from ringfence.platform.settings import load_settings

    settings = load_settings()
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, settings.database.embedded_port)
    try:
        server.start()
        prepare(settings)
        setup_django(process)
        assert server.pid is not None
        with command("keys") as owner:
            yield Installed(settings, psutil.Process(server.pid), owner)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def command(name: str) -> Iterator[psutil.Process]:
    """``ringfence NAME`` of the same installation."""
    process = psutil.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", name], stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def cpu_seconds(root: psutil.Process) -> float:
    """Of a process and its children, those that have ended included; of this process without them:
    they are the rest of the installation."""
    total = 0.0
    if root.pid == os.getpid():
        times = root.cpu_times()
        return float(times.user + times.system)
    for one in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
