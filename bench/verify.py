"""What one ``ringfence promises verify`` costs: its time and CPU, and that of the installation.

The first run makes the examiner's tenants; the figures are those of the runs after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import psutil
from tests.e2e.harness.installation import Installation, started

from bench.installed import cpu_seconds
from bench.report import emit

_RUNS = 2
_IDLE_SECONDS = 5.0


def main() -> None:
    with started() as place:
        _verify(place)
        processes = {name: psutil.Process(one["pid"]) for name, one in place.status().items()}
        before = _cpu(processes)
        time.sleep(_IDLE_SECONDS)
        rest = {name: (cpu - before[name]) / _IDLE_SECONDS for name, cpu in _cpu(processes).items()}
        for _ in range(_RUNS):
            before, began = _cpu(processes), time.perf_counter()
            own, peak = _verify(place)
            seconds = time.perf_counter() - began
            emit("verify", "time", seconds, "s", 1)
            emit("verify", "cpu, examiner", own, "s", 1)
            emit("verify", "memory, examiner", peak / 1024, "MiB", 1)
            for name, cpu in _cpu(processes).items():
                spent = cpu - before[name] - rest[name] * seconds
                emit("verify", f"cpu, {name}", max(0.0, spent), "s", 1)


def _cpu(processes: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: cpu_seconds(one) for name, one in processes.items()}


def _verify(place: Installation) -> tuple[float, int]:
    """CPU seconds and the most memory in KiB of an examination that ran to its end."""
    done = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "promises", "verify", "--json"],
        cwd=place.folder,
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert done.stdout is not None
    report = json.loads(done.stdout.read())
    _, status, used = os.wait4(done.pid, 0)
    done.returncode = os.waitstatus_to_exitcode(status)
    assert done.returncode == 0 and report["examinations"], done.returncode
    return used.ru_utime + used.ru_stime, used.ru_maxrss


if __name__ == "__main__":
    main()
