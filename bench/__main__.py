"""Run one benchmark by its name; without a name all of them, each in a process of its own."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import bench


def main() -> int:
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(bench.__path__)
        if module.name not in ("__main__", "installed", "report", "whole_calls")
    )
    if len(sys.argv) == 1:
        runs = [subprocess.run([sys.executable, "-m", "bench", name]) for name in names]
        return int(any(run.returncode for run in runs))
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        print(f"usage: python -m bench NAME   with NAME one of: {' '.join(names)}", file=sys.stderr)
        return 2
    importlib.import_module(f"bench.{sys.argv[1]}").main()
    return 0


sys.exit(main())
