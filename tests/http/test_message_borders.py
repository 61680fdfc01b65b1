"""Where one HTTP message ends and the next begins, as the server of ``web`` reads it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

APPLICATION = """
def application(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
"""
SECOND = b"GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("application")
    (folder / "told.py").write_text(APPLICATION)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = ["--interface", "wsgi", "--no-ws", "--port", str(port), "told:application"]
    child = subprocess.Popen([sys.executable, "-m", "granian", *options], cwd=folder)
    try:
        deadline = time.monotonic() + 30
        while b"/second" not in answers(port, b""):
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        yield port
    finally:
        for process in psutil.Process(child.pid).children(recursive=True):
            process.kill()
        child.kill()
        child.wait(10)


def answers(port: int, first: bytes) -> bytes:
    """All that the server says to ``first``, and to a second request behind it."""
    said = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(first + SECOND)
            while more := connection.recv(4096):
                said += more
    except ConnectionError:
        pass
    return said


def first(*headers: str, body: str) -> bytes:
    return "\r\n".join(["POST /first HTTP/1.1", "Host: x", *headers, "", body]).encode()


LENGTH, CHUNKED = "Content-Length: 100", "Transfer-Encoding: chunked"


@pytest.mark.parametrize("headers", [(LENGTH, CHUNKED), (CHUNKED, LENGTH)])
def test_chunks_win_over_a_length(port: int, headers: tuple[str, str]) -> None:
    """Nobody waits for the hundred bytes, and what follows is no part of the first."""
    said = answers(port, first(*headers, body="0\r\n\r\n"))
    assert said.startswith(b"HTTP/1.1 200") and b"/first" in said
    assert said.count(b"HTTP/1.1 ") == 1, "and the connection is over (RFC 9112 section 6.1)"


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 3", "Content-Length: 5"),
        ("Content-Length: +3",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
    ],
)
def test_a_message_without_a_clear_end_is_refused(port: int, headers: tuple[str, ...]) -> None:
    said = answers(port, first(*headers, body="0\r\n\r\n"))
    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"/second" not in said
