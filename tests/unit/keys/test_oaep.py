"""The customer's wrap against RFC 8017, written down here a second time, and its invalid paddings.

The cases are those that Wycheproof lists for RSAES-OAEP decryption.
"""

from __future__ import annotations

import hashlib
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.unit.keys.test_crypto import KEY, PLACE

from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.objects import Leaf, Sealer, open_object

HASH = 32
SIZE = 384
SEED = bytes(range(HASH))
SECRET = b"s" * 32


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 8 * SIZE)


def mgf1(seed: bytes, length: int, name: str = "sha256") -> bytes:
    """RFC 8017 B.2.1."""
    mask = b""
    for counter in count():
        if len(mask) >= length:
            break
        mask += hashlib.new(name, seed + counter.to_bytes(4, "big")).digest()
    return mask[:length]


def xor(one: bytes, two: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def encode(
    message: bytes,
    *,
    label: bytes = b"",
    first: int = 0,
    separator: bytes = b"\x01",
    filling: bytes = b"\0",
    mask: str = "sha256",
    digest: str = "sha256",
) -> bytes:
    """EME-OAEP (RFC 8017 7.1.1 step 2), or one of its forgeries."""
    label_hash = hashlib.new(digest, label).digest()
    length = SIZE - HASH - 1
    block = label_hash.ljust(length - len(message) - len(separator), filling)
    block += separator + message
    masked = xor(block, mgf1(SEED, length, mask))
    return bytes((first,)) + xor(SEED, mgf1(masked, HASH, mask)) + masked


def decode(encoded: bytes) -> bytes:
    """RFC 8017 7.1.2 step 3."""
    assert encoded[0] == 0
    seed = xor(encoded[1 : 1 + HASH], mgf1(encoded[1 + HASH :], HASH))
    block = xor(encoded[1 + HASH :], mgf1(seed, SIZE - HASH - 1))
    assert block[:HASH] == hashlib.sha256(b"").digest()
    filling, separator, message = block[HASH:].partition(b"\x01")
    assert separator and not any(filling)
    return message


def raw(number: int, exponent: int, modulus: int) -> bytes:
    return pow(number, exponent, modulus).to_bytes(SIZE, "big")


def wrap_of(header: bytes) -> tuple[int, int]:
    """Where the RSA wrap stands in an object's header."""
    at = 2 + 33
    at += 2 + int.from_bytes(header[at : at + 2], "big") + 33
    assert int.from_bytes(header[at : at + 2], "big") == SIZE
    return at + 2, at + 2 + SIZE


def sealed_for(private: rsa.RSAPrivateKey) -> tuple[bytes, bytes]:
    sealer = Sealer(Leaf(KEY, PLACE), [private.public_key()])
    return sealer.header, sealer.finish()


def opened_with(private: rsa.RSAPrivateKey, wrap: bytes) -> bytes:
    """Open an object whose RSA wrap was replaced."""
    header, rest = sealed_for(private)
    start, end = wrap_of(header)
    return b"".join(open_object([header[:start] + wrap + header[end:] + rest], private))


def test_our_wrap_opens_by_the_rfc(private: rsa.RSAPrivateKey) -> None:
    numbers = private.private_numbers()
    header, rest = sealed_for(private)
    start, end = wrap_of(header)
    wrap = int.from_bytes(header[start:end], "big")
    key = decode(raw(wrap, numbers.d, numbers.public_numbers.n))
    assert len(key) == 32
    again = raw(int.from_bytes(encode(key), "big"), 65537, numbers.public_numbers.n)
    data = [header[:start] + again + header[end:] + rest]
    assert b"".join(open_object(data, private)) == b"", "and what the RFC wraps opens here"


@pytest.mark.parametrize(
    "encoded",
    [
        encode(SECRET, first=1),
        encode(SECRET, label=b"a label"),
        encode(SECRET, filling=b"\x02"),
        encode(SECRET, separator=b"\0"),
        encode(SECRET, separator=b"\x02"),
        encode(SECRET, mask="sha1"),
        encode(SECRET, digest="sha512_256"),
        b"\0" + bytes(SIZE - 1),
        b"\0\x02" + b"\xff" * (SIZE - 35) + b"\0" + SECRET,  # PKCS #1 v1.5
    ],
    ids=["first byte", "label", "filling", "no separator", "separator", "MGF1 of SHA-1",
         "another hash", "zeros", "PKCS 1.5"],
)  # fmt: skip
def test_invalid_paddings(private: rsa.RSAPrivateKey, encoded: bytes) -> None:
    modulus = private.private_numbers().public_numbers.n
    assert int.from_bytes(encoded, "big") < modulus, "of 3072 bits: its first byte is 0x80 or more"
    with pytest.raises(Unreadable):
        opened_with(private, raw(int.from_bytes(encoded, "big"), 65537, modulus))


def test_ciphertexts_outside_the_range(private: rsa.RSAPrivateKey) -> None:
    modulus = private.private_numbers().public_numbers.n
    for number in (0, 1, modulus - 1, modulus, modulus + 1, (1 << 8 * SIZE) - 1):
        with pytest.raises(Unreadable):
            opened_with(private, number.to_bytes(SIZE, "big"))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_what_is_wrapped_must_be_a_key(private: rsa.RSAPrivateKey, length: int) -> None:
    modulus = private.private_numbers().public_numbers.n
    wrap = raw(int.from_bytes(encode(b"k" * length), "big"), 65537, modulus)
    with pytest.raises(Unreadable):
        opened_with(private, wrap)
