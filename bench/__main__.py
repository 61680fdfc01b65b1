"""Run one benchmark by its name, or list them."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench


def main() -> int:
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(bench.__path__)
        if module.name not in ("__main__", "installed", "report", "whole_calls")
    )
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        print(f"usage: python -m bench NAME   with NAME one of: {' '.join(names)}", file=sys.stderr)
        return 2
    importlib.import_module(f"bench.{sys.argv[1]}").main()
    return 0


sys.exit(main())
