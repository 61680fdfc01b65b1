"""Primitives against published vectors; sealed values open only in their place, with their keys."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from ringfence.platform.keys import crypto
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import UnfitName, Unreadable
from ringfence.platform.keys.names import Bucket, LeafRef

KEY = bytes(range(32))
BUCKET = Bucket("identifier", "call_records", day=20_000)
PLACE = Place(UUID(int=1), 7, UUID(int=2), UUID(int=3), BUCKET)


def h(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("ikm", "salt", "info", "length", "okm"),
    [
        (  # RFC 5869 A.1
            "0b" * 22, "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", 42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (  # RFC 5869 A.2
            "".join(f"{i:02x}" for i in range(0x50)),
            "".join(f"{i:02x}" for i in range(0x60, 0xB0)),
            "".join(f"{i:02x}" for i in range(0xB0, 0x100)), 82,
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (  # RFC 5869 A.3
            "0b" * 22, "", "", 42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)  # fmt: skip
def test_hkdf_vectors(ikm: str, salt: str, info: str, length: int, okm: str) -> None:
    assert HKDF(SHA256(), length, h(salt), h(info)).derive(h(ikm)) == h(okm)


def test_derive_is_hkdf_with_our_salt() -> None:
    """Computed by hand from HMAC (RFC 5869 2.2, 2.3): the format may never change."""
    import hmac

    extracted = hmac.digest(b"ringfence/1", KEY, "sha256")
    expected = hmac.digest(extracted, b"day\0\0\0\0\0" + b"info" + b"\x01", "sha256")
    assert crypto.derive(KEY, b"day", b"info") == expected


@pytest.mark.parametrize(
    ("key", "iv", "plain", "aad", "cipher", "tag"),
    [
        # McGrew & Viega test cases 13, 14, 15 and 16 (AES-256), as in NIST SP 800-38D's set
        ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18",
         "d0d1c8a799996bf0265b98b5d48ab919"),
        ("feffe9928665731c6d6a8f9467308308" * 2, "cafebabefacedbaddecaf888",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255", "",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
         "b094dac5d93471bdec1a502270e3cc6c"),
        ("feffe9928665731c6d6a8f9467308308" * 2, "cafebabefacedbaddecaf888",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
         "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
         "76fc6ece0f4e1768cddf8853bb2d551b"),
    ],
)  # fmt: skip
def test_gcm_vectors(key: str, iv: str, plain: str, aad: str, cipher: str, tag: str) -> None:
    assert AESGCM(h(key)).encrypt(h(iv), h(plain), h(aad)) == h(cipher) + h(tag)
    opened = crypto.open_raw(h(key), h(aad), b"\x01" + h(iv) + h(cipher) + h(tag))
    assert opened == h(plain)


@pytest.mark.parametrize("change", ["zero", "ones", "first", "last", "short"])
def test_modified_tags_are_refused(change: str) -> None:
    """The tag cases of Wycheproof's aes_gcm_test."""
    sealed = crypto.seal(KEY, PLACE, b"value")
    body, tag = sealed[:-16], sealed[-16:]
    wrong = {
        "zero": bytes(16),
        "ones": b"\xff" * 16,
        "first": bytes((tag[0] ^ 1,)) + tag[1:],
        "last": tag[:-1] + bytes((tag[-1] ^ 0x80,)),
        "short": tag[:12],
    }[change]
    with pytest.raises(Unreadable):
        crypto.open_sealed(KEY, PLACE, body + wrong)


def test_format() -> None:
    sealed = crypto.seal(KEY, PLACE, b"+14155550100")
    assert len(sealed) == 1 + 12 + 12 + 16 and sealed[0] == 1
    aad = (
        UUID(int=1).bytes + (7).to_bytes(4, "big") + UUID(int=2).bytes + UUID(int=3).bytes
        + b"\x01" + b"identifier".ljust(24, b"\0") + b"call_records".ljust(24, b"\0")
        + (20_000).to_bytes(4, "big") + bytes(12)
    )  # fmt: skip
    assert AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], aad) == b"+14155550100"
    with pytest.raises(InvalidTag):
        AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], aad[:-1])


@given(plaintext=st.binary(max_size=200), data=st.data())
def test_any_flipped_bit_or_cut_fails(plaintext: bytes, data: st.DataObject) -> None:
    sealed = crypto.seal(KEY, PLACE, plaintext)
    assert crypto.open_sealed(KEY, PLACE, sealed) == plaintext
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    flipped = bytearray(sealed)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for wrong in (bytes(flipped), sealed[:cut], sealed + b"\0"):
        with pytest.raises(Unreadable):
            crypto.open_sealed(KEY, PLACE, wrong)


OTHER = st.uuids().filter(lambda value: value.int > 3)


@given(
    st.one_of(
        st.builds(lambda v: replace(PLACE, tenant=v), OTHER),
        st.builds(lambda v: replace(PLACE, row=v), OTHER),
        st.builds(lambda v: replace(PLACE, person=v), st.none() | OTHER),
        st.builds(
            lambda v: replace(PLACE, field=v), st.integers(0, 2**32 - 1).filter(lambda v: v != 7)
        ),
        st.sampled_from(
            [
                None,
                Bucket("identifier", "call_records", day=20_001),
                Bucket("identifier", "messages", day=20_000),
                Bucket("traffic", "call_records", day=20_000),
                Bucket("identifier", "call_records", account=UUID(int=20_000 << 96)),
            ]
        ).map(lambda bucket: replace(PLACE, bucket=bucket)),
    )
)
def test_another_place_fails(place: Place) -> None:
    with pytest.raises(Unreadable):
        crypto.open_sealed(KEY, place, crypto.seal(KEY, PLACE, b"value"))


def test_leaf_needs_each_of_its_keys() -> None:
    tenant, person, i1, i2 = (UUID(int=n) for n in range(1, 5))
    p, d, a, b = (bytes((n,)) * 32 for n in range(4))
    other = b"\xff" * 32
    record = crypto.record_leaf(p, d, tenant, person, BUCKET)
    content = crypto.content_leaf([a], d, tenant, [i1], BUCKET)
    mixed = crypto.content_leaf([a, b], d, tenant, [i1, i2], BUCKET)
    assert mixed == crypto.content_leaf([b, a], d, tenant, [i2, i1], BUCKET)
    leaves = {
        record, content, mixed,
        crypto.record_leaf(other, d, tenant, person, BUCKET),
        crypto.record_leaf(p, other, tenant, person, BUCKET),
        crypto.record_leaf(d, p, tenant, person, BUCKET),
        crypto.record_leaf(p, d, tenant, i1, BUCKET),
        crypto.content_leaf([other], d, tenant, [i1], BUCKET),
        crypto.content_leaf([a], other, tenant, [i1], BUCKET),
        crypto.content_leaf([a], d, tenant, [i2], BUCKET),
        crypto.content_leaf([a, other], d, tenant, [i1, i2], BUCKET),
        crypto.content_leaf([other, b], d, tenant, [i1, i2], BUCKET),
        crypto.content_leaf([a, b], other, tenant, [i1, i2], BUCKET),
    }  # fmt: skip
    assert len(leaves) == 13


@pytest.mark.parametrize(
    "bucket",
    [
        Bucket("identifier", "rule"),
        Bucket("identifier", "rule", day=1, account=UUID(int=1)),
        Bucket("Identifier", "rule", day=1),
        Bucket("", "rule", day=1),
        Bucket("a" * 25, "rule", day=1),
        Bucket("identifier", "rule", day=-1),
        Bucket("identifier", "rule", day=10**6),
    ],
)
def test_unfit_buckets(bucket: Bucket) -> None:
    with pytest.raises(UnfitName):
        bucket.encode()


def test_unfit_refs() -> None:
    one = UUID(int=1)
    for ref in (LeafRef(BUCKET), LeafRef(BUCKET, one, (one,)), LeafRef(BUCKET, None, (one, one))):
        with pytest.raises(UnfitName):
            ref.check()


KEYS = st.binary(min_size=32, max_size=32)


@given(data=st.data(), p=KEYS, d=KEYS, i1=KEYS, i2=KEYS, kind=st.sampled_from("pim"))
def test_a_value_opens_only_with_all_of_its_keys(
    data: st.DataObject, p: bytes, d: bytes, i1: bytes, i2: bytes, kind: str
) -> None:
    """Person and day; item and day; two items and day: any of them missing or another fails."""
    tenant, person, one, two = (UUID(int=n) for n in range(1, 5))

    def leaf(*keys: bytes) -> bytes:
        *owners, day = keys
        if kind == "p":
            return crypto.record_leaf(owners[0], day, tenant, person, BUCKET)
        items = [one, two][: len(owners)]
        return crypto.content_leaf(owners, day, tenant, items, BUCKET)

    keys = {"p": [p, d], "i": [i1, d], "m": [i1, i2, d]}[kind]
    sealed = crypto.seal(leaf(*keys), PLACE, b"value")
    assert crypto.open_sealed(leaf(*keys), PLACE, sealed) == b"value"
    at = data.draw(st.integers(0, len(keys) - 1))
    other = data.draw(KEYS.filter(lambda key: key != keys[at]))
    wrong = [leaf(*keys[:at], other, *keys[at + 1 :]), *keys]
    if kind == "m":
        wrong += [leaf(i1, d), leaf(i2, d)]
    for key in wrong:
        with pytest.raises(Unreadable):
            crypto.open_sealed(key, PLACE, sealed)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 48])
def test_derivation_takes_whole_keys_alone(length: int) -> None:
    with pytest.raises(ValueError):
        crypto.derive(b"k" * length, b"day")


@pytest.mark.parametrize("nonce_byte", range(12))
def test_another_nonce_is_refused(nonce_byte: int) -> None:
    sealed = bytearray(crypto.seal(KEY, PLACE, b""))
    sealed[1 + nonce_byte] ^= 0x80
    with pytest.raises(Unreadable):
        crypto.open_sealed(KEY, PLACE, bytes(sealed))
