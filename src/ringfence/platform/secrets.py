"""Secrets that an installation generates for itself."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9-]*")


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
