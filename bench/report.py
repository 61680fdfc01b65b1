"""One JSON line per figure."""

from __future__ import annotations

import functools
import json
import os
import platform
from pathlib import Path


@functools.cache
def machine() -> str:
    """Processor, cores, kernel and Python of this machine, in one line."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def emit(bench: str, metric: str, value: float, unit: str, n: int) -> None:
    """Print one figure; ``n`` is how many observations it comes from."""
    row = {"bench": bench, "metric": metric, "value": round(value, 4), "unit": unit, "n": n}
    print(json.dumps({**row, "machine": machine()}), flush=True)
