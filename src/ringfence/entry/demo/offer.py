"""The offer of ``ringfence serve --demo``: Enter places the demo call, live in its terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO
from zlib import crc32

from ringfence.platform.settings import Settings, load_settings

_ALLOWED = "RINGFENCE_EGRESS__ALLOW_NETWORKS"
_PROGRAM = (sys.executable, "-m", "ringfence.entry.cli", "demo")
_TEXT = "Press Enter here to place the demo call: a tenant, a menu, two phones, its whole record.\n"


def loopback_of(data_dir: Path) -> str:
    """The /24 of loopback, such as ``127.66.7``, that the demo of an installation uses: the same
    each time, and another one for most others on the machine."""
    return f"127.66.{crc32(bytes(data_dir)) % 250 + 1}"


def receiver_host(settings: Settings) -> str:
    """Where the demo receives webhooks, if the installation allows that."""
    return f"{loopback_of(settings.data_dir)}.4"


def allow_receiver(settings: Settings) -> Settings:
    """The same settings, and webhooks may go to the demo's receiver. The environment of this
    process, and of those that it starts, says so from then on."""
    networks = {*settings.egress.allow_networks, f"{receiver_host(settings)}/32"}
    quoted = ", ".join(f'"{network}"' for network in sorted(networks))
    os.environ[_ALLOWED] = f"[{quoted}]"
    return load_settings()


class DemoOffer:
    """Runs a program for each Enter in a terminal; one at a time. Does nothing where there is no
    terminal, or somebody else has it."""

    def __init__(self, keyboard: TextIO, program: Sequence[str] = _PROGRAM) -> None:
        self._keyboard = keyboard
        self._program = program
        self._running: subprocess.Popen[bytes] | None = None
        self._open = False

    def open(self) -> None:
        """Make the offer."""
        if not self._keyboard.isatty():
            return
        asyncio.get_running_loop().add_reader(self._keyboard, self._pressed)
        self._open = True
        sys.stdout.write(_TEXT + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Withdraw it; a demo that runs is ended."""
        if self._open:
            asyncio.get_running_loop().remove_reader(self._keyboard)
            self._open = False
        if self._running is not None and self._running.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGTERM)

    def _pressed(self) -> None:
        keyboard = self._keyboard.fileno()
        if os.tcgetpgrp(keyboard) != os.getpgrp():
            return  # in the background: reading would stop this process
        if not os.read(keyboard, 4096):
            self.close()  # the terminal is gone
        elif self._running is None or self._running.poll() is not None:
            self._running = subprocess.Popen(  # noqa: S603 - our own program
                self._program,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
