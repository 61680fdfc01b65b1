"""Tells what happens while it happens."""

from __future__ import annotations

import time
from typing import TextIO

_COLOURS = {"caller": "36", "desk": "33", "platform": "32", "webhook": "35"}


class Narrator:
    """Lines of time, who, what. None as ``out`` tells nobody."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._start = time.monotonic()
        self._colour = out is not None and out.isatty()

    def title(self, text: str) -> None:
        self._write(f"\n{text}\n")

    def say(self, who: str, what: str) -> None:
        """``who``: caller, desk, platform, webhook."""
        name = f"{who:<9}"
        if self._colour:
            name = f"\033[{_COLOURS[who]}m{name}\033[0m"
        self._write(f"{time.monotonic() - self._start:7.2f} s  {name} {what}")

    def restart(self) -> None:
        """Time counts from now."""
        self._start = time.monotonic()

    def _write(self, text: str) -> None:
        if self._out is not None:
            print(text, file=self._out, flush=True)
