"""What an attacker with every backup, and every key that is left, can try; the keys are derived by
ringfence.entry.promises.attack."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator

import psycopg
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from psycopg import sql

from ringfence.entry.promises.attack import forms
from ringfence.platform.keys import crypto
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.errors import Unreadable

_WINDOW = 8
Hash = Callable[[bytes], bytes]


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
        if stream(key, nonce, body) == clear:
            return True
    return False


def stream(key: bytes, nonce: bytes, body: bytes) -> bytes:
    """What a key makes of the body of a sealed value, whatever its tag says."""
    return Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\2")).decryptor().update(body)


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
                    yield from forms(value)


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
