"""What every resource does with its operations."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, Struct
from urllib3.exceptions import HTTPError
from urllib3.filepost import encode_multipart_formdata

from .errors import ConnectionFailed, InvalidAnswer
from .transport import Request, Response, Transport

T = TypeVar("T", bound=Struct)
Upload = str | os.PathLike[str] | bytes | BinaryIO
"""A file to send: its path, its content, or it opened for reading in binary."""
Sink = str | os.PathLike[str] | BinaryIO
"""Where a download goes: a path, which appears when it is complete, or a file open for writing."""
_CHUNK = 65536


class NoContent(Struct, frozen=True):
    """An answer that has no body."""


def path_of(template: str, *values: str | int) -> str:
    """The path of an object. Raises ValueError for what is no id."""
    parts = [str(value) for value in values]
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("an id is missing")
    return template.format(*(quote(part, safe="") for part in parts))


def id_of(one: Any) -> str:
    """The id of an object, or the id that it is."""
    return one if isinstance(one, str) else str(one.id)


def etag_of(one: Any, etag: str | None) -> str:
    """The ETag to send: the one given, or of the object. Raises ValueError without one."""
    found = etag if etag is not None else getattr(one, "etag", None)
    if found is None:
        raise ValueError('give an object as `get` returned it, or etag= ("*" for any state)')
    return str(found)


def file_of(given: Upload) -> tuple[str, bytes, str]:
    """Name, content and type of a file, as a form has them. Raises OSError."""
    kind = "application/octet-stream"
    if isinstance(given, bytes):
        return "file", given, kind
    if isinstance(given, (str, os.PathLike)):
        return Path(given).name, Path(given).read_bytes(), kind
    return Path(str(getattr(given, "name", "file"))).name, given.read(), kind


class Resource:
    """Operations of one kind of object."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _get(
        self,
        answer: type[T],
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        purpose: str | None = None,
    ) -> T:
        return self._send(answer, Request("GET", path + _query(query), _purpose(purpose)))

    def _post(
        self,
        answer: type[T],
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, Any] | None = None,
        purpose: str | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        headers = _purpose(purpose)
        headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        content: bytes | None = None
        if form is not None:
            content, headers["Content-Type"] = _form(form)
        elif body is not None:
            content, headers["Content-Type"] = _json(body), "application/json"
        return self._send(answer, Request("POST", path + _query(query), headers, content))

    def _patch(
        self,
        answer: type[T],
        path: str,
        *,
        body: Mapping[str, Any],
        etag: str,
        purpose: str | None = None,
    ) -> T:
        headers = {**_purpose(purpose), "Content-Type": "application/json", "If-Match": etag}
        return self._send(answer, Request("PATCH", path, headers, _json(body)))

    def _put(
        self, answer: type[T], path: str, *, body: Mapping[str, Any], purpose: str | None = None
    ) -> T:
        headers = {**_purpose(purpose), "Content-Type": "application/json"}
        return self._send(answer, Request("PUT", path, headers, _json(body)))

    def _delete(self, answer: type[T], path: str, *, purpose: str | None = None) -> T:
        return self._send(answer, Request("DELETE", path, _purpose(purpose)))

    def _download(
        self,
        path: str,
        to: Sink,
        *,
        query: Mapping[str, Any] | None = None,
        purpose: str | None = None,
    ) -> int:
        """Write the answer to a file as it comes; returns bytes."""
        request = Request("GET", path + _query(query), _purpose(purpose))
        return self._transport.send(request, lambda response: _save(response, to))

    def _send(self, answer: type[T], request: Request) -> T:
        return self._transport.send(request, lambda response: _read(response, answer))


def _read(response: Response, answer: type[T]) -> T:
    body = response.read()
    if answer is NoContent:
        return cast(T, NoContent())
    try:
        value = msgspec.json.decode(body, type=answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidAnswer(f"{response.status} is not {answer.__name__}") from None
    etag = response.headers.get("ETag")
    if etag is not None and "etag" in answer.__struct_fields__:
        return msgspec.structs.replace(value, etag=etag)
    return value


def _save(response: Response, to: Sink) -> int:
    if not isinstance(to, (str, os.PathLike)):
        try:
            return _copy(response, to)
        except HTTPError:  # not again: part of it is written
            raise ConnectionFailed("the connection broke within a download") from None
    target = Path(to)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        new = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it may be personal
        with os.fdopen(new, "wb") as file:
            size = _copy(response, file)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size


def _copy(response: Response, file: BinaryIO) -> int:
    size = 0
    for chunk in response.stream(_CHUNK):
        file.write(chunk)
        size += len(chunk)
    return size


def _query(given: Mapping[str, Any] | None) -> str:
    """The query of what is given, from its question mark on."""
    pairs = {name: _text(value) for name, value in (given or {}).items() if value is not None}
    return f"?{urlencode(pairs)}" if pairs else ""


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return _moment(value).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a datetime needs a time zone")
    return value


def _json(given: Mapping[str, Any]) -> bytes:
    sent = {name: value for name, value in given.items() if value is not UNSET}
    for value in sent.values():
        if isinstance(value, datetime):
            _moment(value)
    return msgspec.json.encode(sent)


def _form(given: Mapping[str, Any]) -> tuple[bytes, str]:
    """A form with its content type."""
    return encode_multipart_formdata(
        {name: value for name, value in given.items() if value is not UNSET}
    )


def _purpose(purpose: str | None) -> dict[str, str]:
    return {} if purpose is None else {"Ringfence-Purpose": purpose}
