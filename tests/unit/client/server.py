"""A server that answers as it is told, breaks connections, and remembers what came."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Came:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """``cut``: how many bytes of the body are sent before the connection breaks; None: all."""

    status: int = 200
    body: bytes = b'{"status": "ok"}'
    headers: Mapping[str, str] | None = None
    cut: int | None = None


DROP = Answer(status=0)
"""Read the request, and close the connection."""


def problem(status: int, code: str, **headers: str) -> Answer:
    body = json.dumps({"code": code, "message": "no", "details": {"why": "so"}}).encode()
    return Answer(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


class Server:
    """Serves on a free loopback port until the block ends; ``answer`` is asked per request."""

    def __init__(self, answer: Callable[[Came], Answer]) -> None:
        self.came: list[Came] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Came(self.command, self.path, dict(self.headers), self.rfile.read(length))
                outer.came.append(request)
                said = answer(request)
                if said is DROP:
                    self.close_connection = True
                    return
                self.send_response(said.status)
                for name, text in (said.headers or {}).items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body[: said.cut])
                self.close_connection = said.cut is not None

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def in_turn(*answers: Answer) -> Callable[[Came], Answer]:
    """One after the other; the last one for all that follow."""
    left = list(answers)

    def answer(_: Came) -> Answer:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer
