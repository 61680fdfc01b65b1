"""One shard key in memory, and what it wraps."""

from __future__ import annotations

import hmac
from uuid import UUID

from ringfence.platform.keys import crypto
from ringfence.platform.keys.names import KeyName, decode_name

LOOKUP_BYTES = 16


class Shard:
    """Look-up keys and wraps of one shard key in one generation."""

    def __init__(self, number: int, generation: int, key: bytes) -> None:
        self.number = number
        self.generation = generation
        self._key = key
        self._lookup = crypto.derive(key, b"lookup", bytes((number,)))
        self._wrapping: dict[UUID, bytes] = {}

    def lookup(self, name: KeyName) -> bytes:
        """Where the row of a name stands: an HMAC, so that the file tells nothing of the name."""
        return hmac.digest(self._lookup, name.encode(), "sha256")[:LOOKUP_BYTES]

    def wrap(self, tenant_key: bytes, name: KeyName, value: bytes) -> tuple[bytes, bytes]:
        """Look-up key and body of a row."""
        lookup = self.lookup(name)
        encoded = name.encode()
        plaintext = len(encoded).to_bytes(2, "big") + encoded + value
        return lookup, crypto.seal_raw(self._kek(name.tenant, tenant_key), lookup, plaintext)

    def unwrap(
        self, tenant: UUID, tenant_key: bytes, lookup: bytes, body: bytes
    ) -> tuple[KeyName, bytes]:
        """Name and value of a row. Raises Unreadable."""
        plaintext = crypto.open_raw(self._kek(tenant, tenant_key), lookup, body)
        end = 2 + int.from_bytes(plaintext[:2], "big")
        return decode_name(plaintext[2:end]), plaintext[end:]

    def _kek(self, tenant: UUID, tenant_key: bytes) -> bytes:
        """Tenant key and shard key together: without either of them nothing unwraps."""
        kek = self._wrapping.get(tenant)
        if kek is None:
            info = tenant.bytes + bytes((self.number,)) + self.generation.to_bytes(8, "big")
            kek = self._wrapping[tenant] = crypto.derive(tenant_key + self._key, b"wrap", info)
        return kek
