"""The root key: the one secret under which tenant keys and shard keys are wrapped."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ringfence.platform.keys import crypto
from ringfence.platform.keys.errors import StoreDamaged, UnfitName, Unreadable

ROOT_KEY_VARIABLE = "RINGFENCE_ROOT_KEY"
COMMAND_SECONDS = 10.0


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


class RootKeys:
    """The root key in use and, while the store is moved to another one, that one too.

    What it wraps is wrapped under each of them, so that each alone opens everything. Which one a
    process is started with decides: the wraps under the other are dropped then.
    """

    def __init__(self, root: RootKey) -> None:
        self._roots = [root]

    def add(self, root: RootKey) -> None:
        """Wrap under this one too from now on. Raises UnfitName while there are two."""
        if len(self._roots) > 1:
            raise UnfitName("the store is being moved to another root key already: restart keys")
        self._roots.append(root)

    @property
    def count(self) -> int:
        return len(self._roots)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        wraps = [root.wrap(key, context) for root in self._roots]
        return b"".join(len(wrap).to_bytes(2, "big") + wrap for wrap in wraps)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises StoreDamaged when the root key in use opens none of the wraps."""
        for wrap in _split(wrapped):
            with contextlib.suppress(StoreDamaged):
                return self._roots[0].unwrap(wrap, context)
        raise StoreDamaged("a key does not open under this root key")

    def wrapped_for_all(self, wrapped: bytes) -> bool:
        """Whether there is one wrap for each root key, no more and no less."""
        return len(_split(wrapped)) == len(self._roots)


def _split(wrapped: bytes) -> list[bytes]:
    wraps = []
    while wrapped:
        end = 2 + int.from_bytes(wrapped[:2], "big")
        wraps.append(wrapped[2:end])
        wrapped = wrapped[end:]
    return wraps


def root_key_from_text(text: str, source: str) -> LocalRootKey:
    """The root key that a file or variable holds: 32 bytes in URL-safe base64.

    Raises StoreDamaged, naming the source, for anything else.
    """
    return LocalRootKey(_parse(text, source))


def root_key_from_command(command: Sequence[str]) -> LocalRootKey:
    """The root key that a program prints, run without a shell; its errors go to ours.

    Raises StoreDamaged when it cannot be run, fails, takes more than ten seconds or prints no key.
    """
    program = command[0] if command else ""
    try:
        done = subprocess.run(  # noqa: S603 - what the operator configured, without a shell
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise StoreDamaged(f"keys.root_key_command took too long: {program}") from None
    except (OSError, IndexError, ValueError) as error:
        kind = type(error).__name__
        raise StoreDamaged(f"keys.root_key_command cannot be run: {program} ({kind})") from None
    if done.returncode != 0:
        status = f"status {done.returncode}"
        raise StoreDamaged(f"keys.root_key_command failed with {status}: {program}")
    text = done.stdout.decode("ascii", "replace")
    return root_key_from_text(text, "the output of keys.root_key_command")


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
    return root_key_from_text(path.read_text("ascii", errors="replace"), str(path))


def root_key_from_environment() -> LocalRootKey | None:
    """The root key in $RINGFENCE_ROOT_KEY, removed from there; None when it is not set.

    Raises StoreDamaged when it is not 32 bytes in base64.
    """
    text = os.environ.pop(ROOT_KEY_VARIABLE, None)
    return None if text is None else root_key_from_text(text, f"${ROOT_KEY_VARIABLE}")


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
