"""The offer to place the demo call from the terminal of ``ringfence serve --demo``."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.entry.demo.offer import DemoOffer, allow_receiver, loopback_of
from ringfence.platform.settings import load_settings

_PROGRAM = """
import asyncio, sys
from ringfence.entry.demo.offer import DemoOffer

async def main():
    DemoOffer(sys.stdin, [sys.executable, "-c", "print('the ' + 'call')"]).open()
    await asyncio.sleep(60)

asyncio.run(main())
"""


@contextmanager
def terminal() -> Iterator[int]:
    """A terminal in which an offer is made."""
    pid, keyboard = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", _PROGRAM])
    try:
        yield keyboard
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(keyboard)


def read_until(keyboard: int, text: str) -> str:
    seen, deadline = b"", time.monotonic() + 30
    while text.encode() not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([keyboard], [], [], 0.5)[0]:
            seen += os.read(keyboard, 4096)
    return seen.decode()


def test_enter_places_the_call() -> None:
    with terminal() as keyboard:
        assert "the call" not in read_until(keyboard, "Press Enter")
        os.write(keyboard, b"\n")
        read_until(keyboard, "the call")


async def test_without_a_terminal_nothing_is_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "input").write_text("\n")
    with (tmp_path / "input").open() as keyboard:
        offer = DemoOffer(keyboard, ["/bin/false"])
        offer.open()
        offer.close()
    assert capsys.readouterr().out == ""


def test_the_receiver_is_allowed_beside_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "ringfence.toml"
    config.write_text('[egress]\nallow_networks = ["10.1.0.0/16"]\n')
    monkeypatch.setenv("RINGFENCE_CONFIG", str(config))
    monkeypatch.setenv("RINGFENCE_EGRESS__ALLOW_NETWORKS", "")
    monkeypatch.delenv("RINGFENCE_EGRESS__ALLOW_NETWORKS")
    before = load_settings()
    assert before.egress.allow_networks == ("10.1.0.0/16",)
    after = allow_receiver(before)
    host = f"{loopback_of(before.data_dir)}.4/32"
    assert set(after.egress.allow_networks) == {"10.1.0.0/16", host}
    assert load_settings() == after  # processes that are started get the same


def test_addresses_follow_from_the_folder() -> None:
    one, other = loopback_of(Path("/srv/a")), loopback_of(Path("/srv/b"))
    assert one == loopback_of(Path("/srv/a")) != other
    assert one.startswith("127.66.")
    assert 1 <= int(one.rpartition(".")[2]) <= 250
