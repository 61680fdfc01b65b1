"""The public REST API, as any client would use it."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from typing import Any

from ringfence.kernel.errors import RingfenceError

_SECONDS = 90
"""A refusal waits for whoever may have keys, up to a minute for one that went without a word."""


class ApiRefused(RingfenceError):
    """The API answered with an error; ``details`` has ``status`` and what it said."""

    code = "api_refused"


class Rest:
    """One API key at one installation. Every method raises ApiRefused."""

    def __init__(self, base: str, secret: str) -> None:
        """``base`` is like ``http://127.0.0.1:8080/api/v1``."""
        self.base = base
        self._secret = secret

    def get(self, path: str) -> Any:
        return json.loads(self.read(path))

    def post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """Whatever the state of it is."""
        return self._send("PATCH", path, body, **{"If-Match": "*"})

    def delete(self, path: str) -> None:
        """Whatever the answer says."""
        self._call("DELETE", path, None, {})

    def upload(self, path: str, name: str, file: bytes) -> Any:
        """A WAV file as a form of ``name`` and ``file``."""
        edge = secrets.token_hex(16)
        part = f'--{edge}\r\nContent-Disposition: form-data; name="'
        body = (
            f'{part}name"\r\n\r\n{name}\r\n'
            f'{part}file"; filename="prompt.wav"\r\nContent-Type: audio/wav\r\n\r\n'
        ).encode()
        body += file + f"\r\n--{edge}--\r\n".encode()
        kind = f"multipart/form-data; boundary={edge}"
        return json.loads(self._call("POST", path, body, {"Content-Type": kind}))

    def read(self, path: str, **headers: str) -> bytes:
        """The body of an answer; underscores in names of headers are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._call("GET", path, None, named)

    def _send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        data = json.dumps({} if body is None else body).encode()
        return json.loads(
            self._call(method, path, data, {"Content-Type": "application/json"} | headers)
        )

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - our own API
            self.base + path,
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self._secret}"} | headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise _refused(method, path, error) from None
        except OSError as error:
            raise ApiRefused(f"the API does not answer: {error}", details={"status": 0}) from None


def _refused(method: str, path: str, error: urllib.error.HTTPError) -> ApiRefused:
    try:
        said = json.loads(error.read())
    except ValueError:
        said = {}
    code, message = said.get("code", ""), said.get("message", "")
    place = path.partition("?")[0]
    return ApiRefused(
        f"{method} {place}: {error.code} {code}: {message}",
        details={"status": error.code, "code": code},
    )
