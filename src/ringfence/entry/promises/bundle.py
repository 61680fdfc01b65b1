"""Evidence that leaves the installation: each report signed, and chained to the one before it.

A bundle is one line of JSON: ``{"number", "previous", "report", "key", "signature"}``. ``previous``
is the SHA-256 of the line before it, ``signature`` is Ed25519 (RFC 8032) over the line without its
signature, in the same form: keys sorted, no blanks. ``tools/recheck.py`` checks a folder of them
and shares no code with this.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

_KEY = "signing.key"


def append(folder: Path, report: dict[str, Any]) -> Path:
    """Sign a report and put it after the last one; durable when this returns. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        key = _signing_key(folder)
        earlier = sorted(folder.glob("[0-9]*.json"))
        body = {
            "number": len(earlier) + 1,
            "previous": hashlib.sha256(earlier[-1].read_bytes()).hexdigest() if earlier else "",
            "report": report,
            "key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        }
        signed = body | {"signature": key.sign(_canonical(body)).hex()}
        path = folder / f"{body['number']:06}.json"
        _write(path, _canonical(signed) + b"\n", 0o644)
    return path


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _signing_key(folder: Path) -> Ed25519PrivateKey:
    path = folder / _KEY
    if path.exists():
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    key = Ed25519PrivateKey.generate()
    _write(path, key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()), 0o600)
    return key


def _write(path: Path, content: bytes, mode: int) -> None:
    """The whole file or none of it."""
    staged = path.with_name(f".{path.name}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    staged.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
