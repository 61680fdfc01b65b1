"""The root key: the one secret under which tenant keys and shard keys are wrapped."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path
from typing import Protocol

from ringfence.platform.keys import crypto
from ringfence.platform.keys.errors import StoreDamaged, Unreadable

ROOT_KEY_VARIABLE = "RINGFENCE_ROOT_KEY"


class RootKey(Protocol):
    """Wraps and unwraps 32-byte keys. A key management service is an adapter of this."""

    def wrap(self, key: bytes, context: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises StoreDamaged when it is not what ``wrap`` gave for this context."""
        ...


class LocalRootKey:
    """A root key held in this process's memory."""

    def __init__(self, key: bytes) -> None:
        self._key = crypto.derive(key, b"root")

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return crypto.seal_raw(self._key, context, key)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return crypto.open_raw(self._key, context, wrapped)
        except Unreadable:
            raise StoreDamaged("a key does not open under this root key") from None


def root_key_from_file(path: Path) -> LocalRootKey:
    """The root key in a file of mode 0600, made when there is none.

    Raises StoreDamaged when the file can be read by others or holds no 32-byte key in base64.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _create(path)
    else:
        if mode & 0o077:
            raise StoreDamaged(f"the root key file must be readable by its owner alone: {path}")
    return LocalRootKey(_parse(path.read_text("ascii"), str(path)))


def root_key_from_environment() -> LocalRootKey | None:
    """The root key in $RINGFENCE_ROOT_KEY, removed from there; None when it is not set.

    Raises StoreDamaged when it is not 32 bytes in base64.
    """
    text = os.environ.pop(ROOT_KEY_VARIABLE, None)
    return None if text is None else LocalRootKey(_parse(text, f"${ROOT_KEY_VARIABLE}"))


def _parse(text: str, source: str) -> bytes:
    text = text.strip().rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != crypto.KEY_BYTES:
        raise StoreDamaged(f"{source} holds no root key: 32 bytes in URL-safe base64")
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(base64.urlsafe_b64encode(crypto.new_key()) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails, unlike rename, when another process was first
        sync_directory(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def sync_directory(path: Path) -> None:
    """Make the creation of a file in ``path`` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
