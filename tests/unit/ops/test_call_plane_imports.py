"""What runs calls has not loaded Django, not even by way of the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "process", ["signalling", "media", "speech", "live", "serve", "postgres", "keys"]
)
def test_no_django(process: str) -> None:
    script = (
        f"import sys, ringfence.entry.cli, ringfence.entry.{process}\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = set(result.stdout.split())
    assert "ringfence" in loaded, result.stderr
    assert loaded.isdisjoint({"django", "ninja", "procrastinate"})
