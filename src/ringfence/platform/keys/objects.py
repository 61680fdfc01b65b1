"""Sealed objects: a random key per segment, wrapped for its readers, and a STREAM of chunks.

    01 || number of wraps || wrap ... || 7 random bytes || chunk ...
    wrap   = type (1 leaf, 2 RSA-OAEP-SHA256) || 32-byte key id || u16 length || wrapped key
    chunk  = u32 (top bit: last; rest: bytes that follow) || AES-256-GCM ciphertext || 16-byte tag
    nonce  = the 7 bytes || u32 chunk counter || 01 if last else 00

Every chunk but the last holds 64 KiB. All integers are big-endian. The stated length tells a
missing end (cut off) from a changed byte (unreadable). Construction: STREAM (Hoang, Reyhanitabar,
Rogaway, Vizar 2015). A customer's key is wrapped in before the first byte is written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from ringfence.platform.keys import crypto
from ringfence.platform.keys.errors import CutOff, UnfitName, Unreadable

CHUNK_BYTES = 64 << 10
LEAST_RSA_BITS = 3072
_LEAF, _RSA = 1, 2
_LAST = 1 << 31
_PREFIX_BYTES = 7
_LEAF_ID = bytes(32)
_OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The platform's wrap: under a leaf, for one place."""

    key: bytes
    place: crypto.Place


def customer_key(pem: bytes) -> rsa.RSAPublicKey:
    """A customer's public key. Raises UnfitName unless it is RSA of 3072 bits or more."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        raise UnfitName("not a public key in PEM") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_RSA_BITS:
        raise UnfitName(f"an RSA key of at least {LEAST_RSA_BITS} bits is needed")
    return key


def customer_key_id(key: rsa.RSAPublicKey) -> bytes:
    """SHA-256 of the key's SubjectPublicKeyInfo: names the wrap that it opens."""
    der = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, der)).digest()


class Sealer:
    """Seals one segment as it is produced; holds at most one chunk."""

    def __init__(self, leaf: Leaf | None, customers: Sequence[rsa.RSAPublicKey] = ()) -> None:
        """``leaf`` None: the customers alone open it. Raises UnfitName where nobody would."""
        if leaf is None and not customers:
            raise UnfitName("nobody could open it")
        key = crypto.new_key()
        wraps = []
        if leaf is not None:
            wraps.append((_LEAF, _LEAF_ID, crypto.seal(leaf.key, leaf.place, key)))
        for customer in customers:
            if customer.key_size < LEAST_RSA_BITS:
                raise UnfitName(f"an RSA key of at least {LEAST_RSA_BITS} bits is needed")
            wraps.append((_RSA, customer_key_id(customer), customer.encrypt(key, _OAEP)))
        self._prefix = os.urandom(_PREFIX_BYTES)
        self._cipher = AESGCM(key)
        self._counter = 0
        self._buffer = bytearray()
        self.header = (
            bytes((1, len(wraps)))
            + b"".join(
                bytes((kind,)) + id_ + len(wrapped).to_bytes(2, "big") + wrapped
                for kind, id_, wrapped in wraps
            )
            + self._prefix
        )
        """To be written before any chunk."""

    def update(self, data: bytes) -> bytes:
        """Take plaintext; the chunks that became complete, perhaps none."""
        buffer = self._buffer
        buffer += data
        out = bytearray()
        while len(buffer) > CHUNK_BYTES:  # a full one waits: it may turn out to be the last
            out += self._chunk(bytes(buffer[:CHUNK_BYTES]), last=False)
            del buffer[:CHUNK_BYTES]
        return bytes(out)

    def finish(self) -> bytes:
        """The last chunk; nothing may follow."""
        return self._chunk(bytes(self._buffer), last=True)

    def _chunk(self, plaintext: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._prefix, self._counter, last), plaintext, None)
        self._counter += 1
        return (len(sealed) | (_LAST if last else 0)).to_bytes(4, "big") + sealed


def open_object(pieces: Iterable[bytes], key: Leaf | rsa.RSAPrivateKey) -> Iterator[bytes]:
    """Plaintext chunks of an object read in pieces of any size.

    Raises Unreadable for anything changed, moved, repeated or added, CutOff (after every chunk
    that is authentic) when the end is missing.
    """
    source = _Source(pieces)
    cipher, prefix = _open_header(source, key)
    counter = 0
    while True:
        head = source.take(4)
        stated = int.from_bytes(head, "big")
        last, length = bool(stated & _LAST), stated & ~_LAST
        full = CHUNK_BYTES + crypto.TAG_BYTES
        if not (crypto.TAG_BYTES <= length <= full) or (not last and length != full):
            raise Unreadable("a chunk of the object states a wrong length")
        try:
            plaintext = cipher.decrypt(_nonce(prefix, counter, last), source.take(length), None)
        except InvalidTag:
            raise Unreadable("a chunk of the object does not open") from None
        if last and not source.at_end():
            raise Unreadable("something follows the end of the object")
        yield plaintext
        if last:
            return
        counter += 1


def _nonce(prefix: bytes, counter: int, last: bool) -> bytes:
    return prefix + counter.to_bytes(4, "big") + bytes((last,))


def _open_header(source: _Source, key: Leaf | rsa.RSAPrivateKey) -> tuple[AESGCM, bytes]:
    version, count = source.take(2)
    if version != 1:
        raise Unreadable("not an object of a known version")
    wraps: dict[tuple[int, bytes], bytes] = {}
    for _ in range(count):
        kind, id_ = source.take(1)[0], source.take(32)
        wraps[kind, id_] = source.take(int.from_bytes(source.take(2), "big"))
    wanted = (_LEAF, _LEAF_ID)
    if not isinstance(key, Leaf):
        wanted = (_RSA, customer_key_id(key.public_key()))
    wrapped = wraps.get(wanted)
    if wrapped is None:
        raise Unreadable("the object is not wrapped for this key")
    if isinstance(key, Leaf):
        segment = crypto.open_sealed(key.key, key.place, wrapped)
    else:
        try:
            segment = key.decrypt(wrapped, _OAEP)
        except ValueError:
            raise Unreadable("the wrapped key does not open") from None
    if len(segment) != crypto.KEY_BYTES:
        raise Unreadable("the wrapped key is no key")
    return AESGCM(segment), source.take(_PREFIX_BYTES)


class _Source:
    """Exact reads from pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._buffer = bytearray()

    def take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            piece = next(self._pieces, None)
            if piece is None:
                raise CutOff("the end of the object is missing")
            self._buffer += piece
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def at_end(self) -> bool:
        while not self._buffer:
            piece = next(self._pieces, None)
            if piece is None:
                return True
            self._buffer += piece
        return False
