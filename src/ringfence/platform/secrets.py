"""Secrets that an installation generates for itself, and sealing of small secret values.

Sealed format: ``01 || 12 random bytes || AES-256-GCM ciphertext || 16-byte tag``; the additional
data binds a value to its tenant, permanent field number and row.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.kernel.errors import RingfenceError

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_VERSION = b"\x01"
_NONCE_BYTES = 12
_OVERHEAD = 1 + _NONCE_BYTES + 16


class UnreadableSecret(RingfenceError):
    """A sealed value does not open: wrong key, wrong row, or damaged."""

    code = "unreadable_secret"


@dataclass(frozen=True, slots=True)
class SealContext:
    """What a sealed value belongs to; it opens only with the same context."""

    tenant: UUID | None
    """None: the operator's own."""
    field: int
    """Permanent field number from the classification registry; never reused."""
    row: UUID

    def additional_data(self) -> bytes:
        tenant = self.tenant.bytes if self.tenant is not None else bytes(16)
        return tenant + self.field.to_bytes(4, "big") + self.row.bytes


def _path(data_dir: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a secret")
    return data_dir / "secrets" / name


def find_secret(data_dir: Path, name: str) -> str | None:
    """The secret if it was generated before. Never creates anything."""
    try:
        return _path(data_dir, name).read_text("ascii")
    except FileNotFoundError:
        return None


def installation_secret(data_dir: Path, name: str) -> str:
    """A secret of this installation: 43 URL-safe characters (256 bits), made on first use.

    The file has mode 0600. Processes that race to create it all get the same value.
    """
    existing = find_secret(data_dir, name)
    if existing is not None:
        return existing
    path = _path(data_dir, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike rename, fails when another process was first
        except FileExistsError:
            pass
        else:
            _sync_directory(path.parent)
    finally:
        draft.unlink()
    return path.read_text("ascii")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def installation_key(data_dir: Path, name: str) -> bytes:
    """The 32 bytes that the secret ``name`` encodes."""
    text = installation_secret(data_dir, name)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def seal_secret(key: bytes, context: SealContext, plaintext: bytes) -> bytes:
    """Encrypt ``plaintext`` with a 32-byte key for one place."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plaintext, context.additional_data())
    return _VERSION + nonce + sealed


def open_secret(key: bytes, context: SealContext, sealed: bytes) -> bytes:
    """The plaintext of a sealed value. Raises UnreadableSecret when it does not open."""
    if len(sealed) < _OVERHEAD or sealed[:1] != _VERSION:
        raise UnreadableSecret("not a sealed value of a known version")
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, context.additional_data())
    except InvalidTag:
        raise UnreadableSecret("the sealed value does not open in this place") from None
