"""One shard key in memory, and what it wraps."""

from __future__ import annotations

import hmac
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.platform.keys import crypto
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.names import KeyName, Kind

LOOKUP_BYTES = 16


class Shard:
    """Look-up keys and wraps of one shard key in one generation."""

    def __init__(self, number: int, generation: int, key: bytes) -> None:
        self.number = number
        self.generation = generation
        self._key = key
        self._lookup = crypto.derive(key, b"lookup", bytes((number,)))
        self._ciphers: dict[UUID, AESGCM] = {}

    def lookup(self, name: KeyName) -> bytes:
        """Where the row of a name stands: an HMAC, so that the file tells nothing of the name."""
        return self._hmac(name.tenant, bytes((name.kind,)) + name.id)

    def wrap(self, tenant_key: bytes, name: KeyName, value: bytes) -> tuple[bytes, bytes]:
        """Look-up key and body of a row."""
        named = bytes((name.kind,)) + name.id  # the tenant stands beside the body
        content = len(named).to_bytes(2, "big") + named + value
        return self._wrap(name.tenant, tenant_key, content)

    def unwrap(
        self, tenant: UUID, tenant_key: bytes, lookup: bytes, body: bytes
    ) -> tuple[KeyName, bytes]:
        """Name and value of a row. Raises Unreadable."""
        content = self._unwrap(tenant, tenant_key, lookup, body)
        end = 2 + int.from_bytes(content[:2], "big")
        return KeyName(Kind(content[2]), tenant, content[3:end]), content[end:]

    def rewrap(
        self, old: Shard, tenant: UUID, tenant_key: bytes, lookup: bytes, body: bytes
    ) -> tuple[bytes, bytes]:
        """Look-up key and body here of a row that ``old`` wrapped. Raises Unreadable."""
        return self._wrap(tenant, tenant_key, old._unwrap(tenant, tenant_key, lookup, body))

    def _hmac(self, tenant: UUID, named: bytes) -> bytes:
        return hmac.digest(self._lookup, tenant.bytes + named, "sha256")[:LOOKUP_BYTES]

    def _wrap(self, tenant: UUID, tenant_key: bytes, content: bytes) -> tuple[bytes, bytes]:
        lookup = self._hmac(tenant, content[2 : 2 + int.from_bytes(content[:2], "big")])
        nonce = os.urandom(crypto.NONCE_BYTES)
        cipher = self._cipher(tenant, tenant_key)
        return lookup, crypto.VERSION + nonce + cipher.encrypt(nonce, content, lookup)

    def _unwrap(self, tenant: UUID, tenant_key: bytes, lookup: bytes, body: bytes) -> bytes:
        if body[:1] != crypto.VERSION or len(body) < crypto.OVERHEAD:
            raise Unreadable("a row of the key store is of no known version")
        nonce, sealed = body[1 : 1 + crypto.NONCE_BYTES], body[1 + crypto.NONCE_BYTES :]
        try:
            return self._cipher(tenant, tenant_key).decrypt(nonce, sealed, lookup)
        except InvalidTag:
            raise Unreadable("a row of the key store does not open") from None

    def _cipher(self, tenant: UUID, tenant_key: bytes) -> AESGCM:
        """Of tenant key and shard key together: without either of them nothing unwraps."""
        cipher = self._ciphers.get(tenant)
        if cipher is None:
            info = tenant.bytes + bytes((self.number,)) + self.generation.to_bytes(8, "big")
            kek = crypto.derive(tenant_key + self._key, b"wrap", info)
            cipher = self._ciphers[tenant] = AESGCM(kek)
        return cipher
