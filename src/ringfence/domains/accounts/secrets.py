"""Secrets of credentials: 32 random bytes in URL-safe text behind a prefix; hashes are kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets

KEY_PREFIX, CLIENT_PREFIX, TOKEN_PREFIX = "rfk_", "rfc_", "rft_"


def new_secret(prefix: str) -> str:
    """A secret that nobody has yet."""
    return prefix + secrets.token_urlsafe(32)


def secret_hash(prefix: str, secret: str) -> bytes | None:
    """SHA-256 of the random bytes in a secret's text; None when it is none of this kind."""
    if not secret.startswith(prefix):
        return None
    text = secret.removeprefix(prefix)
    try:
        random = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.sha256(random).digest() if len(random) == 32 else None


def hash_of(prefix: str, secret: str) -> bytes:
    """``secret_hash`` of a secret of our own making."""
    digest = secret_hash(prefix, secret)
    assert digest is not None
    return digest
