"""What an attacker tries with every key that is left: on values, on bytes as they lie, on objects.

It takes from the sealing side the derivations of keys and the formats alone. It asks no registry
which columns are sealed, nor any process: whatever bytes a key makes readable are opened.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform.keys import crypto
from ringfence.platform.keys.errors import CutOff, Unreadable
from ringfence.platform.keys.names import Bucket, Kind, LeafRef, days_of, unlabel
from ringfence.platform.keys.objects import Leaf, open_object
from ringfence.platform.keys.store import KeyStore

Keys = Mapping[bytes, LeafRef | None]
"""Keys, and what each is the leaf of; None: it is no leaf."""

_TEXT = re.compile(rb"[0-9A-Za-z+/_=-]{11,}")
_CATEGORIES = ("identifier", "content")
_NONCE = slice(1, 1 + crypto.NONCE_BYTES)
_HEAD = 12
"""Bytes of text that are looked at first; a short number alone has as many."""
_LONGEST = 4096
_PIECE = 4 << 20
_MOST_ZEROS = 3
"""Of the twelve random bytes of a nonce; one in ten million has more."""


def derivable(
    store: KeyStore,
    tenant: UUID,
    persons: Collection[UUID],
    buckets: Collection[Bucket],
    *,
    of: UUID | None = None,
    crossed: bool = True,
) -> dict[bytes, LeafRef | None]:
    """Every key of the store, and all that can be derived from it for these persons and days; with
    ``crossed`` each person's leaf from every other person's seed too. ``of``: of the keys of that
    tenant alone."""
    seeds: dict[UUID, bytes] = {}
    items: list[tuple[UUID, UUID, bytes]] = []
    events: list[tuple[UUID, Bucket, bytes]] = []
    found: dict[bytes, LeafRef | None] = {}
    category_keys: set[bytes] = set()
    day_keys: set[bytes] = set()
    stored_days: set[bytes] = set()
    for _, name, value in _rows(store, of):
        if len(value) < crypto.KEY_BYTES:
            continue
        key = value[: crypto.KEY_BYTES]
        found[key] = None
        if name.kind is Kind.PERSON:
            seeds[UUID(bytes=name.id)] = key
        elif name.kind is Kind.PERSON_CATEGORY:
            category_keys.add(key)
        elif name.kind is Kind.ITEM:
            items.append((name.tenant, UUID(bytes=name.id), key))
        elif name.kind is Kind.EVENT:
            category, rule = unlabel(name.id[:24]), unlabel(name.id[24:48])
            account = UUID(bytes=name.id[48:])
            events.append((name.tenant, Bucket(category, rule, account=account), key))
        elif name.kind is Kind.DAY:
            stored_days.add(key)
        elif name.kind is Kind.SECRET:
            found[crypto.secret_leaf(key, name.tenant)] = LeafRef(None)
        elif name.kind is Kind.MONTH:
            category, rule = unlabel(name.id[:24]), unlabel(name.id[24:48])
            for day in days_of(int.from_bytes(name.id[48:], "big")):
                day_keys.add(crypto.day_key(key, name.tenant, category, rule, day))
    wanted = {
        crypto.day_key(seed, tenant, bucket.category, bucket.rule, bucket.day or 0)
        for seed in found
        for bucket in buckets
    }
    near = day_keys & wanted | stored_days
    for key in day_keys | stored_days | category_keys:
        found.setdefault(key, None)
    for person in persons:
        mine = seeds.values() if crossed else [seeds[person]] if person in seeds else []
        of_person = category_keys | {
            crypto.person_category_key(seed, tenant, person, category)
            for seed in mine
            for category in _CATEGORIES
        }
        found |= dict.fromkeys(of_person)
        for bucket in buckets:
            for p in of_person:
                for d in near:
                    leaf = crypto.record_leaf(p, d, tenant, person, bucket)
                    found[leaf] = LeafRef(bucket, person)
    for owner, item, key in items:
        for bucket in buckets:
            for d in near:
                leaf = crypto.content_leaf([key], d, tenant, [item], bucket)
                found[leaf] = LeafRef(bucket, items=(item,))
        for whose, bucket, d in events:
            if whose == owner:
                leaf = crypto.content_leaf([key], d, whose, [item], bucket)
                found[leaf] = LeafRef(bucket, items=(item,))
    return found


def persons_of(store: KeyStore, tenant: UUID) -> set[UUID]:
    """Whose keys live."""
    return {UUID(bytes=name.id) for _, name, _ in _rows(store, tenant) if name.kind is Kind.PERSON}


def told(store: KeyStore, tenant: UUID, needle: bytes) -> set[str]:
    """In which kinds of rows of the store itself something stands, once unwrapped."""
    return {
        name.kind.name.lower()
        for _, name, value in _rows(store, tenant)
        if needle in value or needle in name.id
    }


def _rows(store: KeyStore, tenant: UUID | None) -> Iterator[tuple[int, Any, bytes]]:
    number = store.number_of(tenant) if tenant is not None else None
    for row in store.db.execute("SELECT shard, lookup, tenant, body FROM key").fetchall():
        if tenant is None or row[2] == number:
            yield row[0], *store.unwrap_row(*row)


def forms(value: object) -> Iterator[bytes]:
    """A value of a column as bytes: as it is, and what stands in it as hex and base64."""
    if isinstance(value, UUID):
        yield value.bytes
        return
    raw = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
    yield raw
    for word in _TEXT.findall(raw):
        for decode in (binascii.unhexlify, _base64):
            with contextlib.suppress(ValueError, binascii.Error):
                yield decode(word)


def _base64(word: bytes) -> bytes:
    word = word.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    return base64.b64decode(word + b"=" * (-len(word) % 4))


@dataclass(frozen=True)
class Opened:
    """Sealed bytes that a key makes readable, the authentication tag thrown away."""

    at: int
    key: bytes
    needle: bytes


def opened(content: bytes, keys: Iterable[bytes], needles: Collection[bytes]) -> list[Opened]:
    """Every place of ``content`` from which on a key gives text with one of ``needles`` in it.

    Each byte that could begin a sealed value is tried under each key: nothing has to be known of
    where one begins, how long it is, or what it belongs to.
    """
    found: list[Opened] = []
    for start in range(0, max(len(content), 1), _PIECE):
        piece = content[start : start + _PIECE + _LONGEST]
        found += [
            Opened(start + one.at, one.key, one.needle)
            for one in _opened(piece, keys, needles)
            if one.at < _PIECE
        ]
    return found


def _opened(piece: bytes, keys: Iterable[bytes], needles: Collection[bytes]) -> Iterator[Opened]:
    head = 1 + crypto.NONCE_BYTES + _HEAD
    raw = np.frombuffer(piece, np.uint8)
    if len(raw) < head:
        return
    at = np.flatnonzero(raw[: len(raw) - head + 1] == crypto.VERSION[0])
    near = raw[at[:, None] + np.arange(head)]
    fit = (near[:, _NONCE] == 0).sum(axis=1) <= _MOST_ZEROS
    at, near = at[fit], near[fit]
    if not len(at):
        return
    blocks = np.zeros((len(at), 16), np.uint8)
    blocks[:, : crypto.NONCE_BYTES] = near[:, _NONCE]
    blocks[:, 15] = 2  # of GCM the first counter that encrypts text
    counters = blocks.tobytes()
    for key in keys:
        stream = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(counters)  # noqa: S305
        first = np.frombuffer(stream, np.uint8).reshape(-1, 16)[:, :_HEAD] ^ near[:, -_HEAD:]
        for index in np.flatnonzero(((first >= 32) & (first < 127)).all(axis=1)):
            place = int(at[index])
            sealed = piece[place : place + _LONGEST]
            counter = Cipher(algorithms.AES(key), modes.CTR(counters[index * 16 :][:16]))
            clear = counter.decryptor().update(sealed[1 + crypto.NONCE_BYTES :])
            yield from (Opened(place, key, needle) for needle in needles if needle in clear)


def place_of(
    sealed: bytes, key: bytes, ref: LeafRef, tenant: UUID, rows: Iterable[UUID]
) -> crypto.Place | None:
    """What a value belongs to, found by its tag; ``rows`` are ids that stand near it."""
    for row in rows:
        for field in SealedFieldNumber:
            place = crypto.Place(tenant, field, row, ref.person, ref.bucket)
            with contextlib.suppress(Unreadable):
                crypto.open_sealed(key, place, sealed)
                return place
    return None


def audio_of(
    sealed: bytes, track: UUID, tenant: UUID, keys: Keys, persons: Iterable[UUID]
) -> tuple[bytes, LeafRef | None, crypto.Place] | None:
    """What a track says, and what opened it: any key, as anybody's, of any of the days."""
    buckets = {ref.bucket for ref in keys.values() if ref is not None and ref.items}
    places = [
        crypto.Place(tenant, SealedFieldNumber.RECORDING_TRACK, track, person, bucket)
        for person in persons
        for bucket in buckets
    ]
    for key, ref in keys.items():
        for place in places:
            if _unwraps(sealed, Leaf(key, place)):
                return b"".join(open_object([sealed], Leaf(key, place))), ref, place
    return None


def _unwraps(sealed: bytes, leaf: Leaf) -> bool:
    """Whether it opens the head of an object, which alone is looked at."""
    try:
        next(open_object([sealed[:512]], leaf), None)
    except CutOff:
        return True
    except Unreadable:
        return False
    return True
