"""What an attacker with every backup, and the key store as it is now, can try."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from psycopg import sql

from ringfence.platform.keys import crypto
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.names import (
    Bucket,
    Kind,
    days_of,
    unlabel,
)
from ringfence.platform.keys.store import KeyStore

_CATEGORIES = ("identifier", "content", "recovery", "traffic")
_WINDOW = 8
_TEXT = re.compile(rb"[0-9A-Za-z+/_=-]{11,}")
Hash = Callable[[bytes], bytes]


# --- keys


def derivable(
    store: KeyStore, tenant: UUID, persons: Iterable[UUID], buckets: Iterable[Bucket]
) -> set[bytes]:
    """Every key of the store, and all that can be derived from it for these persons and days:
    also each person's leaf from every other person's seed."""
    persons, buckets = set(persons), set(buckets)
    raw: set[bytes] = set()
    seeds: set[bytes] = set()
    items: dict[UUID, bytes] = {}
    category_keys: set[bytes] = set()
    day_keys: set[bytes] = set()
    stored_days: set[bytes] = set()
    for row in store.db.execute("SELECT shard, lookup, tenant, body FROM key").fetchall():
        name, value = store.unwrap_row(*row)
        if len(value) < crypto.KEY_BYTES:
            continue
        key = value[: crypto.KEY_BYTES]
        raw.add(key)
        if name.kind is Kind.PERSON:
            seeds.add(key)
            persons.add(UUID(bytes=name.id))
        elif name.kind is Kind.PERSON_CATEGORY:
            category_keys.add(key)
        elif name.kind is Kind.ITEM:
            items[UUID(bytes=name.id)] = key
        elif name.kind is Kind.DAY:
            stored_days.add(key)
        elif name.kind is Kind.MONTH:
            category, rule = unlabel(name.id[:24]), unlabel(name.id[24:48])
            month = int.from_bytes(name.id[48:], "big")
            for day in days_of(month):
                day_keys.add(crypto.day_key(key, name.tenant, category, rule, day))
    wanted_days = {
        crypto.day_key(seed, tenant, bucket.category, bucket.rule, bucket.day or 0)
        for seed in raw
        for bucket in buckets
    }
    found = raw | day_keys | stored_days | category_keys
    near = day_keys & wanted_days | stored_days
    for person in persons:
        of_person = category_keys | {
            crypto.person_category_key(seed, tenant, person, category)
            for seed in seeds
            for category in _CATEGORIES[:2]
        }
        found |= of_person
        for bucket in buckets:
            for p in of_person:
                for d in near:
                    found.add(crypto.record_leaf(p, d, tenant, person, bucket))
    for item, key in items.items():
        for bucket in buckets:
            for d in near:
                found.add(crypto.content_leaf([key], d, tenant, [item], bucket))
    return found


def breaks(keys: Iterable[bytes], value: Value, clear: bytes) -> bool:
    """Whether any key opens a sealed value, by its rules or with the tag thrown away."""
    sealed = value.data
    nonce, body = sealed[1:13], sealed[13:-16]
    for key in keys:
        try:
            if crypto.open_sealed(key, value.place, sealed) == clear:
                return True
        except Unreadable:
            pass
        counter = Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\2")).decryptor()
        if counter.update(body) == clear:
            return True
    return False


# --- guesses


def everything_in(dsn: str) -> Iterator[bytes]:
    """Each value of each column of each table: as it is, and read as hex and base64."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
            for row in connection.execute(query):
                for value in row:
                    yield from _forms(value)


def _forms(value: object) -> Iterator[bytes]:
    if isinstance(value, UUID):
        yield value.bytes
        return
    raw = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
    yield raw
    for word in _TEXT.findall(raw):
        for decode in (binascii.unhexlify, _base64):
            try:
                yield decode(word)
            except (ValueError, binascii.Error):
                continue


def _base64(word: bytes) -> bytes:
    word = word.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    return base64.b64decode(word + b"=" * (-len(word) % 4))


def windows(values: Iterable[bytes]) -> frozenset[bytes]:
    """Every eight bytes that stand anywhere: a hash is found also cut short or inside another."""
    return frozenset(
        value[at : at + _WINDOW] for value in values for at in range(len(value) - _WINDOW + 1)
    )


def key_like(values: Iterable[bytes], least: int = 8, most: int = 64) -> set[bytes]:
    """What may have been the key of a keyed hash."""
    return {value for value in values if least <= len(value) <= most}


PLAIN: dict[str, Hash] = {
    name: (lambda data, name=name: hashlib.new(name, data).digest())  # type: ignore[misc]
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b")
}
PLAIN["blake2s"] = lambda data: hashlib.blake2s(data).digest()
PLAIN["blake2b-16"] = lambda data: hashlib.blake2b(data, digest_size=16).digest()


def forms_of(number: str) -> list[bytes]:
    """How a number may have been written before it was hashed."""
    digits = number[1:]
    return [text.encode() for text in (number, digits, digits[1:], f"tel:{number}")]


def matches(number: str, where: frozenset[bytes], keys: Iterable[bytes]) -> set[str]:
    """By which hashes, plain or keyed with anything, a number is recognised."""
    forms = forms_of(number)
    found = {
        name for name, digest in PLAIN.items() for form in forms if digest(form)[:_WINDOW] in where
    }
    for key in keys:
        for name in ("md5", "sha1", "sha256", "sha512"):
            for form in forms:
                if hmac.digest(key, form, name)[:_WINDOW] in where:
                    found.add(f"hmac-{name}")
        for form in forms:
            for joined in (key + form, form + key):
                if hashlib.sha256(joined).digest()[:_WINDOW] in where:
                    found.add("salted-sha256")
    return found


def guess_plain(prefix: str, count: int, where: frozenset[bytes]) -> set[str]:
    """SHA-256 of ``count`` numbers with a prefix, looked up everywhere."""
    sha256, head = hashlib.sha256, prefix.encode()
    width = len(str(count - 1))
    return {
        f"{prefix}{i:0{width}d}"
        for i in range(count)
        if sha256(b"%b%0*d" % (head, width, i)).digest()[:_WINDOW] in where
    }


def guess_keyed(prefix: str, count: int, where: frozenset[bytes], key: bytes) -> set[str]:
    """HMAC-SHA256 under one key of ``count`` numbers with a prefix, looked up everywhere."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    head, width = prefix.encode(), len(str(count - 1))
    found = set()
    for i in range(count):
        first = inner.copy()
        first.update(b"%b%0*d" % (head, width, i))
        second = outer.copy()
        second.update(first.digest())
        if second.digest()[:_WINDOW] in where:
            found.add(f"{prefix}{i:0{width}d}")
    return found
