"""Derivation of keys, and the format of sealed values. Pure: bytes in, bytes out.

HKDF-SHA256 (RFC 5869) with salt ``ringfence/1``. Every input has a fixed length and every info
begins with an eight-byte label, so that no two derivations share their bytes.

Sealed value: ``01 || 12 random bytes || AES-256-GCM ciphertext || 16-byte tag``; its additional
data is ``tenant || field number || row id || person id || bucket``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ringfence.platform.keys.errors import UnfitName, Unreadable
from ringfence.platform.keys.names import Bucket, label

KEY_BYTES = 32
VERSION = b"\x01"
NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD = len(VERSION) + NONCE_BYTES + TAG_BYTES

_SALT = b"ringfence/1"
_SHA256 = SHA256()


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(KEY_BYTES)


def derive(material: bytes, purpose: bytes, info: bytes = b"") -> bytes:
    """KDF of one or more concatenated 32-byte keys; ``purpose`` has at most eight bytes."""
    if not material or len(material) % KEY_BYTES or not 0 < len(purpose) <= 8:
        raise ValueError("keys have 32 bytes and a purpose one to eight")
    return HKDF(_SHA256, KEY_BYTES, _SALT, purpose.ljust(8, b"\0") + info).derive(material)


def person_category_key(seed: bytes, tenant: UUID, person: UUID, category: str) -> bytes:
    """p = KDF(s; category)."""
    return derive(seed, b"person", tenant.bytes + person.bytes + label(category))


def day_key(seed: bytes, tenant: UUID, category: str, rule: str, day: int) -> bytes:
    """d = KDF(m; date)."""
    info = tenant.bytes + label(category) + label(rule) + day.to_bytes(4, "big")
    return derive(seed, b"day", info)


def record_leaf(p: bytes, d: bytes, tenant: UUID, person: UUID, bucket: Bucket) -> bytes:
    """KDF(p || d): seals the record fields of one person in one bucket."""
    return derive(p + d, b"record", tenant.bytes + person.bytes + bucket.encode())


def secret_leaf(key: bytes, tenant: UUID) -> bytes:
    """Seals secrets of a tenant that belong to no person."""
    return derive(key, b"secret", tenant.bytes)


def content_leaf(
    keys: Sequence[bytes], d: bytes, tenant: UUID, items: Sequence[UUID], bucket: Bucket
) -> bytes:
    """KDF(i || d) of one item; KDF(i1 || i2 || d) of several, whatever order they are named in."""
    pairs = sorted(zip((item.bytes for item in items), keys, strict=True))
    info = tenant.bytes + b"".join(id_ for id_, _ in pairs) + bucket.encode()
    purpose = b"content" if len(pairs) == 1 else b"mixed"
    return derive(b"".join(key for _, key in pairs) + d, purpose, bytes((len(pairs),)) + info)


@dataclass(frozen=True, slots=True)
class Place:
    """What a sealed value belongs to; it opens in no other place."""

    tenant: UUID
    field: int
    """Permanent field number from the classification registry; never reused."""
    row: UUID
    person: UUID | None
    """None: no person's (a secret of the tenant), or several persons' (mixed content)."""
    bucket: Bucket | None
    """None: sealed under the tenant's secret key."""

    def additional_data(self) -> bytes:
        person = self.person.bytes if self.person is not None else bytes(16)
        bucket = self.bucket.encode() if self.bucket is not None else bytes(65)
        return self.tenant.bytes + self.field.to_bytes(4, "big") + self.row.bytes + person + bucket


def seal(key: bytes, place: Place, plaintext: bytes) -> bytes:
    """Encrypt ``plaintext`` under a leaf for one place."""
    return seal_raw(key, place.additional_data(), plaintext)


def open_sealed(key: bytes, place: Place, sealed: bytes) -> bytes:
    """The plaintext of a sealed value. Raises Unreadable when it does not open in this place."""
    return open_raw(key, place.additional_data(), sealed)


def seal_raw(key: bytes, additional: bytes, plaintext: bytes) -> bytes:
    """The sealed format with additional data of the caller's own."""
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, additional)


def open_raw(key: bytes, additional: bytes, sealed: bytes) -> bytes:
    """Opposite of ``seal_raw``. Raises Unreadable."""
    if len(sealed) < OVERHEAD or sealed[:1] != VERSION:
        raise Unreadable("not a sealed value of a known version")
    if len(key) != KEY_BYTES:
        raise UnfitName("a key has 32 bytes")
    nonce = sealed[1 : 1 + NONCE_BYTES]
    try:
        return AESGCM(key).decrypt(nonce, sealed[1 + NONCE_BYTES :], additional)
    except InvalidTag:
        raise Unreadable("the sealed value does not open in this place") from None
