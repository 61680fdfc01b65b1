"""Digest credentials of trunks: what is stored instead of a password."""

from __future__ import annotations

import hashlib


def ha1(username: str, realm: str, password: str) -> tuple[str, str]:
    """H(username:realm:password) by MD5 and by SHA-256, hex (RFC 7616 section 3.4.2)."""
    text = f"{username}:{realm}:{password}".encode()
    md5 = hashlib.md5(text, usedforsecurity=False)  # peers that know no SHA-256 digest
    return md5.hexdigest(), hashlib.sha256(text).hexdigest()
