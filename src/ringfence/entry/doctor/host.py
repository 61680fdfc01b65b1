"""Checks of the machine: disk, clock, limits, optional libraries."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ringfence.entry.doctor.finding import Finding
from ringfence.kernel.clock import Clock
from ringfence.platform.opus import opus_available
from ringfence.platform.settings import Settings

_LEAST_FREE_BYTES = 1 << 30
_FEW_FREE_BYTES = 10 << 30
_FSYNC_PROBES = 16
_FSYNC_SLOW_MS = 20.0
_CLOCK_PROBE_SECONDS = 0.1
_TIME_ERROR = 5


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Room for data, and a disk quick enough that answering a call does not wait for it."""
    folder = _existing(settings.spool_dir)
    free = shutil.disk_usage(folder).free
    observed = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < _LEAST_FREE_BYTES:
        yield Finding("disk space", False, observed, "free at least 1 GiB, or move node.data_dir")
    elif free < _FEW_FREE_BYTES:
        yield Finding("disk space", True, observed, "little for a database that grows")
    else:
        yield Finding("disk space", True, observed)
    try:
        milliseconds = _fsync_milliseconds(folder)
    except OSError as error:
        advice = "let the user that runs Ringfence write there"
        yield Finding("disk sync", False, f"{folder}: {error.strerror}", advice)
        return
    observed = f"{milliseconds:.1f} ms per fsync at {folder}"
    slow = milliseconds > _FSYNC_SLOW_MS
    advice = "each answered call waits for one: use a faster disk for node.data_dir"
    yield Finding("disk sync", True, observed, advice if slow else "")


def _existing(path: Path) -> Path:
    while not path.is_dir():
        path = path.parent
    return path


def _fsync_milliseconds(folder: Path) -> float:
    """Median over some small appends, as the spool makes them."""
    durations = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FSYNC_PROBES):
            begun = time.perf_counter()
            file.write(bytes(512))
            file.flush()
            os.fsync(file.fileno())
            durations.append(time.perf_counter() - begun)
    return statistics.median(durations) * 1000


def check_descriptors(settings: Settings) -> Finding:
    """The hard limit of open files allows every RTP port of a media worker to be in use."""
    first, last = settings.media_ports(0)
    needed = last + 1 - first + 256
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return Finding("open files", True, f"limit {hard}, up to {needed} needed")
    advice = f"raise the hard limit (ulimit -Hn, LimitNOFILE=) to {needed}, or use fewer RTP ports"
    return Finding("open files", hard >= 1024, f"limit {hard}, up to {needed} needed", advice)


def check_clock(clock: Clock) -> Iterator[Finding]:
    """Wall time passes as fast as it should, and is kept in step with the world."""
    wall, steady = clock.micros(), clock.monotonic()
    time.sleep(_CLOCK_PROBE_SECONDS)
    drift = (clock.micros() - wall) / 1e6 - (clock.monotonic() - steady)
    steps = abs(drift) > 0.01
    advice = "something is setting the clock by steps; records of calls need a steady one"
    yield Finding(
        "clock steady",
        not steps,
        f"{clock.now():%Y-%m-%d %H:%M:%S} UTC, {drift * 1000:+.2f} ms against monotonic time",
        advice if steps else "",
    )
    synchronised = _synchronised()
    if synchronised is None:
        yield Finding("clock synchronised", True, "cannot be told on this system")
    elif synchronised:
        yield Finding("clock synchronised", True, "the kernel says so")
    else:
        advice = "run a time service (chrony, systemd-timesyncd), unless the host keeps the time"
        yield Finding("clock synchronised", True, "the kernel does not know of it", advice)


def _synchronised() -> bool | None:
    """What the kernel's time discipline says (adjtimex), None where there is none."""
    if sys.platform != "linux":
        return None
    buffer = ctypes.create_string_buffer(512)  # struct timex with modes 0: read only
    state = ctypes.CDLL(None).adjtimex(buffer)
    return None if state < 0 else state != _TIME_ERROR


def check_opus() -> Finding:
    """Optional: recordings can be had as Opus only where the system has libopus."""
    if opus_available():
        return Finding("opus", True, "libopus is there: recordings are also offered as Opus")
    observed = "no libopus: recordings are offered as WAV only"
    return Finding("opus", True, observed, "for Opus: apt-get install libopus0, and restart")
