"""The demo's own receiver of webhooks: it checks signatures with code of its own.

Standard Webhooks 1.0: HMAC-SHA256 over ``id.timestamp.body``, keyed by what follows ``whsec_``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ringfence.kernel.clock import SystemClock

_OLDEST_SECONDS = 300
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Received:
    """One message as it came."""

    type: str
    data: Mapping[str, Any]
    id: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    """Seconds since the Unix epoch."""

    def signed_by(self, secret: str) -> bool:
        """Whether one of its signatures is by this secret, and it is fresh."""
        stamp = self.headers.get("webhook-timestamp", "")
        if not stamp.isdigit() or abs(self.at - int(stamp)) > _OLDEST_SECONDS:
            return False
        try:
            key = base64.b64decode(secret.partition("whsec_")[2], validate=True)
        except binascii.Error:
            return False
        signed = b".".join((self.id.encode(), stamp.encode(), self.body))
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        given = self.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(f"v1,{wanted}".encode(), one.encode()) for one in given)


class Receiver:
    """A small web server that keeps what is posted to it. A context manager."""

    def __init__(self, host: str) -> None:
        """Listens on a free port of this address. Raises OSError."""
        self._messages: list[Received] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", 0)), _LARGEST)
                receiver._take(self.rfile.read(length), dict(self.headers.items()))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self.url = f"http://{host}:{self._server.server_port}/ringfence-demo"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes, headers: dict[str, str]) -> None:
        named = {name.lower(): value for name, value in headers.items()}
        try:
            said = json.loads(body)
        except ValueError:
            return
        message = Received(
            said.get("type", ""), said.get("data", {}), named.get("webhook-id", ""), named, body,
            SystemClock().now().timestamp(),
        )  # fmt: skip
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def of_call(self, call_id: str, types: frozenset[str], within: float) -> list[Received]:
        """What came about this call, waiting until every one of these types did, or for so long."""

        def found() -> list[Received]:
            named = ("id", "call_id")
            return [m for m in self._messages if call_id in map(m.data.get, named)]

        with self._changed:
            self._changed.wait_for(lambda: types <= {m.type for m in found()}, within)
            return found()
