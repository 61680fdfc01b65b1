"""The offer of ``ringfence serve --demo``: Enter places the demo call, live in its terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import TextIO

from ringfence.platform.settings import Settings, load_settings

RECEIVER_HOST = "127.66.0.4"
"""Where the demo receives webhooks of an installation that runs, if it allows that."""
_ALLOWED = "RINGFENCE_EGRESS__ALLOW_NETWORKS"
_TEXT = "Press Enter here to place the demo call: a tenant, a menu, two phones, its whole record.\n"


def allow_receiver(settings: Settings) -> Settings:
    """The same settings, and webhooks may go to the demo's receiver. The environment of this
    process, and of those that it starts, says so from then on."""
    networks = {*settings.egress.allow_networks, f"{RECEIVER_HOST}/32"}
    quoted = ", ".join(f'"{network}"' for network in sorted(networks))
    os.environ[_ALLOWED] = f"[{quoted}]"
    return load_settings()


class DemoOffer:
    """Runs ``ringfence demo`` for each Enter in a terminal; one at a time. Does nothing where
    there is no terminal, or somebody else has it."""

    def __init__(self, keyboard: TextIO) -> None:
        self._keyboard = keyboard
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
            self._running = subprocess.Popen(
                [sys.executable, "-m", "ringfence.entry.cli", "demo"],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
