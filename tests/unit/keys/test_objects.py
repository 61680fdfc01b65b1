"""Sealed objects: whole or refused, and a missing end is told from a changed byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import CutOff, UnfitName, Unreadable
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.objects import (
    CHUNK_BYTES,
    Leaf,
    Sealer,
    customer_key,
    open_object,
)

PLACE = Place(UUID(int=1), 9, UUID(int=2), UUID(int=3), Bucket("content", "recordings", day=1))
LEAF = Leaf(b"k" * 32, PLACE)
CHUNK = 4 + CHUNK_BYTES + 16


def sealed_object(plaintext: bytes) -> tuple[bytes, bytes]:
    """Header and chunks."""
    sealer = Sealer(LEAF)
    return sealer.header, sealer.update(plaintext) + sealer.finish()


def opened(data: bytes) -> bytes:
    return b"".join(open_object([data], LEAF))


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000])
def test_round_trip_in_any_pieces(size: int) -> None:
    plaintext = bytes(i * 7 & 255 for i in range(size))
    sealer = Sealer(LEAF)
    sealed = [sealer.header]
    for at in range(0, size, 1000):
        sealed.append(sealer.update(plaintext[at : at + 1000]))
    data = b"".join([*sealed, sealer.finish()])
    pieces: Iterator[bytes] = (data[at : at + 777] for at in range(0, len(data), 777))
    assert b"".join(open_object(pieces, LEAF)) == plaintext
    assert len(data) - len(sealer.header) == size + 20 * max(1, -(-size // CHUNK_BYTES))


BIG = bytes(i * 31 & 255 for i in range(2 * CHUNK_BYTES + 500))
HEADER, BODY = sealed_object(BIG)
SMALL_HEADER, SMALL_BODY = sealed_object(b"a small object")
SMALL = SMALL_HEADER + SMALL_BODY


@settings(max_examples=300)
@given(st.integers(0, len(SMALL) * 8 - 1))
def test_any_flipped_bit_fails(bit: int) -> None:
    flipped = bytearray(SMALL)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Unreadable, CutOff)):
        opened(bytes(flipped))


@settings(max_examples=30)
@given(st.integers(len(HEADER) * 8, len(HEADER + BODY) * 8 - 1))
def test_any_flipped_bit_of_a_chunk_fails(bit: int) -> None:
    flipped = bytearray(HEADER + BODY)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Unreadable, CutOff)):
        opened(bytes(flipped))


def test_changed_ciphertext_is_unreadable_not_cut_off() -> None:
    for at in (len(HEADER) + 10, len(HEADER + BODY) - 1):
        data = bytearray(HEADER + BODY)
        data[at] ^= 1
        with pytest.raises(Unreadable):
            opened(bytes(data))


@settings(max_examples=60)
@given(st.integers(0, len(HEADER + BODY) - 1))
def test_a_missing_end_is_cut_off_and_what_came_before_is_given(length: int) -> None:
    whole = max(0, (length - len(HEADER)) // CHUNK)
    pieces = iter(open_object([(HEADER + BODY)[:length]], LEAF))
    assert b"".join(next(pieces) for _ in range(whole)) == BIG[: whole * CHUNK_BYTES]
    with pytest.raises(CutOff):
        next(pieces)


def chunks() -> list[bytes]:
    return [BODY[:CHUNK], BODY[CHUNK : 2 * CHUNK], BODY[2 * CHUNK :]]


@pytest.mark.parametrize(
    "order", [(1, 0, 2), (0, 0, 1, 2), (0, 1, 1, 2), (0, 2), (1, 2), (2,), (0, 1, 2, 2), (2, 1, 0)]
)
def test_swapped_repeated_dropped_chunks_fail(order: Sequence[int]) -> None:
    with pytest.raises(Unreadable):
        opened(HEADER + b"".join(chunks()[at] for at in order))


def test_chunk_of_another_object_fails() -> None:
    header, body = sealed_object(BIG)
    with pytest.raises(Unreadable):
        opened(header + body[:CHUNK] + BODY[CHUNK:])
    with pytest.raises(Unreadable):
        opened(header + BODY)


@pytest.mark.parametrize(
    "leaf",
    [
        Leaf(b"x" * 32, PLACE),
        Leaf(LEAF.key, replace(PLACE, row=UUID(int=9))),
        Leaf(LEAF.key, replace(PLACE, person=UUID(int=9))),
        Leaf(LEAF.key, replace(PLACE, bucket=Bucket("content", "recordings", day=2))),
    ],
)
def test_another_leaf_or_place_fails(leaf: Leaf) -> None:
    with pytest.raises(Unreadable):
        list(open_object([SMALL], leaf))


def test_customer_key(private: rsa.RSAPrivateKey) -> None:
    public = customer_key(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    sealer = Sealer(LEAF, [public])
    data = sealer.header + sealer.finish()
    assert b"".join(open_object([data], private)) == b""
    assert opened(data) == b""
    assert LEAF.key not in data
    with pytest.raises(Unreadable):
        list(open_object([SMALL], private))
    wrong = rsa.generate_private_key(65537, 3072)
    with pytest.raises(Unreadable):
        list(open_object([data], wrong))


def test_unfit_customer_keys() -> None:
    short = rsa.generate_private_key(65537, 2048).public_key()
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    for unfit in (short.public_bytes(pem, info), curve.public_bytes(pem, info), b"nonsense"):
        with pytest.raises(UnfitName):
            customer_key(unfit)
    with pytest.raises(UnfitName):
        Sealer(LEAF, [short])


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises((Unreadable, CutOff)):
        opened(noise)
