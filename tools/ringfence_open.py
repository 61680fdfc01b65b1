#!/usr/bin/env python3
"""Opens what a Ringfence installation sealed for your key, without Ringfence.

    python ringfence_open.py --key private.pem OBJECT... [-o OUT]
    python ringfence_open.py --info OBJECT...

Needs Python 3.9 or newer and the package "cryptography", nothing else. OBJECT and OUT may be "-":
standard input and output. Without -o, what was in OBJECT is written beside it, as OBJECT.wav (or
OBJECT.bin when it is no sound); so it is in OUT when OUT is a folder, as it must be for several
objects. A file made up in this way replaces none; one that -o names does.

Exit code (of several objects the highest):
    0  all of it was opened
    1  wrong use, or a file or key cannot be read or written
    2  damaged: changed since it was sealed. What comes before the damage was written
    3  cut off: the end is missing. Everything authentic was written
    4  not for this key: nothing was written

Every byte written is authentic: it is as it was sealed, and at the place where it was.
"""

# It runs alone, at the command line, and keeps files open across functions:
# ruff: noqa: PTH112, PTH118, PTH119, PTH123, SIM115, T201

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import struct
import sys
from collections.abc import Iterator
from typing import IO

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    sys.exit("the Python package 'cryptography' is missing: pip install cryptography")

FULL_CHUNK = 65536
TAG = 16
LAST = 0x80000000
PLATFORM, RSA = 1, 2
KINDS = {PLATFORM: "platform", RSA: "RSA-OAEP-SHA256"}
UNKNOWN_SIZE = b"\xff\xff\xff\xff"

Wraps = list[tuple[int, bytes, bytes]]
"""Of each: kind, key id, wrapped key."""


class Problem(Exception):
    """Ends the work on one object, with an exit code and what to tell."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def wrong_use(text: str) -> Problem:
    return Problem(1, text)


def damaged(text: str) -> Problem:
    return Problem(2, "damaged: " + text)


def take(source: IO[bytes], length: int, what: str) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < length:
        more = source.read(length - len(data))
        if not more:
            raise Problem(3, f"cut off: it ends within {what}")
        data += more
    return data


def read_header(source: IO[bytes]) -> tuple[Wraps, bytes]:
    """The wraps, and the first 7 bytes of every nonce."""
    version, count = take(source, 2, "the header")
    if version != 1:
        raise damaged("not a sealed object, or of a version that this script does not know")
    wraps = []
    for _ in range(count):
        kind, key_id, length = struct.unpack(">B32sH", take(source, 35, "the header"))
        wraps.append((kind, key_id, take(source, length, "the header")))
    return wraps, take(source, 7, "the header")


def read_chunks(source: IO[bytes]) -> Iterator[tuple[int, bool, bytes]]:
    """Number, whether it is the last, and sealed bytes of each chunk, to the very end."""
    number = 0
    while True:
        (stated,) = struct.unpack(">I", take(source, 4, f"chunk {number}"))
        last, length = bool(stated & LAST), stated & ~LAST
        if length > FULL_CHUNK + TAG or length < TAG or (not last and length != FULL_CHUNK + TAG):
            raise damaged(f"chunk {number} states a wrong length")
        yield number, last, take(source, length, f"chunk {number}")
        if last:
            if source.read(1):
                raise damaged("something was added after the end")
            return
        number += 1


def key_id_of(private: rsa.RSAPrivateKey) -> bytes:
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(public).digest()


def opened(source: IO[bytes], private: rsa.RSAPrivateKey) -> Iterator[bytes]:
    """What was sealed, chunk by chunk."""
    wraps, prefix = read_header(source)
    customers = {key_id: wrapped for kind, key_id, wrapped in wraps if kind == RSA}
    wrapped = customers.get(key_id_of(private))
    if wrapped is None:
        names = ", ".join("key " + key_id.hex() for key_id in customers)
        raise Problem(4, f"not for this key: it is sealed for {names or 'no customer key'}")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    try:
        cipher = AESGCM(private.decrypt(wrapped, oaep))
    except ValueError:
        raise damaged("the wrapped key does not open") from None
    for number, last, sealed in read_chunks(source):
        try:
            yield cipher.decrypt(prefix + struct.pack(">IB", number, last), sealed, None)
        except InvalidTag:
            raise damaged(f"chunk {number} was changed") from None


def print_info(name: str, source: IO[bytes], private: rsa.RSAPrivateKey | None) -> None:
    """Version, readers and chunks; needs no key, and proves nothing of what is inside."""
    wraps, prefix = read_header(source)
    print(f"{name}: version 1, nonce prefix {prefix.hex()}")
    for kind, key_id, wrapped in wraps:
        who = "" if kind == PLATFORM else f" key {key_id.hex()},"
        ours = private is not None and kind == RSA and key_id == key_id_of(private)
        told = KINDS.get(kind, f"unknown kind {kind}")
        print(f"  wrap: {told},{who} {len(wrapped)} bytes{' (the given key)' if ours else ''}")
    count = size = 0
    last = False
    try:
        for number, last, sealed in read_chunks(source):  # noqa: B007
            count = number + 1
            size += len(sealed) - TAG
    finally:
        told = "present" if last else "missing"
        print(f"  chunks: {count}, {size} bytes inside, last flag {told}", flush=True)


def settle_wav(file: IO[bytes], start: bytes) -> None:
    """A WAV stream states no sizes; once all of it is in a file, they are known."""
    if start[:4] != b"RIFF" or start[8:12] != b"WAVE":
        return
    end = file.seek(0, os.SEEK_END)
    at, frame = 12, 1
    sizes = {4: end + end % 2 - 8} if start[4:8] == UNKNOWN_SIZE else {}
    while at + 8 <= len(start):
        name, size = struct.unpack("<4sI", start[at : at + 8])
        if name == b"fmt " and at + 24 <= len(start):
            frame = struct.unpack("<H", start[at + 20 : at + 22])[0] or 1
        if name == b"fact" and start[at + 8 : at + 12] == UNKNOWN_SIZE:
            sizes[at + 8] = -1  # in samples, once the data is found
        if name == b"data":
            if start[at + 4 : at + 8] != UNKNOWN_SIZE:
                return
            sizes[at + 4] = data = end - at - 8
            break
        at += 8 + size + size % 2
    else:
        return
    file.write(b"\0" * (end % 2))
    for offset, value in sizes.items():
        file.seek(offset)
        value = data // frame if value < 0 else value
        file.write(struct.pack("<I", min(value, 0xFFFFFFFF)))


def write_out(pieces: Iterator[bytes], target: str | None, beside: str) -> str:
    """Write what opens; tells how much and where. A Problem keeps what came before it."""
    start = next(pieces)  # a Problem here: there is nothing to write
    piece: bytes | None = start
    made_up = beside + (".wav" if start[:4] == b"RIFF" else ".bin")
    name = target or made_up
    if name == "-":
        file, name = sys.stdout.buffer, "standard output"
    else:
        file = open(name, "w+b" if target else "x+b")
    size = 0
    try:
        while piece is not None:
            file.write(piece)
            size += len(piece)
            piece = next(pieces, None)
    except Problem as problem:
        text = f"{problem}; the {size} bytes before it are in {name}"
        raise Problem(problem.code, text) from None
    finally:
        if file is sys.stdout.buffer:
            file.flush()
        else:
            settle_wav(file, start)
            file.close()
    return f"{size} bytes, in {name}"


def load_key(path: str, password_file: str | None) -> rsa.RSAPrivateKey:
    with open(path, "rb") as file:
        pem = file.read()
    try:
        try:
            key = serialization.load_pem_private_key(pem, None)
        except TypeError:  # it has a password
            key = serialization.load_pem_private_key(pem, read_password(path, password_file))
    except (ValueError, TypeError):
        raise wrong_use(f"{path}: not a private key in PEM, or a wrong password") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise wrong_use(f"{path}: not an RSA key")
    return key


def read_password(path: str, password_file: str | None) -> bytes:
    if password_file is None:
        return getpass.getpass(f"Password of {path}: ").encode()
    with open(password_file, "rb") as file:
        return file.readline().rstrip(b"\r\n")


def work_on(path: str, out: str | None, info: bool, private: rsa.RSAPrivateKey | None) -> None:
    name = "standard input" if path == "-" else path
    with sys.stdin.buffer if path == "-" else open(path, "rb") as source:
        if info or private is None:
            print_info(name, source, private)
            return
        beside, target = path, out
        if out and os.path.isdir(out):
            made_up = "object" if path == "-" else os.path.basename(path)
            beside, target = os.path.join(out, made_up), None
        elif path == "-" and not out:
            target = "-"
        told = write_out(opened(source, private), target, beside)
    print(f"{name}: whole, {told}", file=sys.stderr)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("object", nargs="+", metavar="OBJECT")
    parser.add_argument("--key", help="your private RSA key (PEM)")
    parser.add_argument("--password-file", help="its first line is the password of the key")
    parser.add_argument("-o", "--out", help="file or folder to write to")
    parser.add_argument("--info", action="store_true", help="tell what the object states; no key")
    parsed = parser.parse_args(arguments)
    if not parsed.info and not parsed.key:
        parser.error("--key is needed")
    if parsed.out and len(parsed.object) > 1 and not os.path.isdir(parsed.out):
        parser.error("with several objects -o names an existing folder")
    return parsed


def main(arguments: list[str] | None = None) -> int:
    try:
        parsed = parse(arguments)
        private = load_key(parsed.key, parsed.password_file) if parsed.key else None
    except SystemExit as exit_:  # argparse has told why
        return 1 if exit_.code else 0
    except (Problem, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    code = 0
    for path in parsed.object:
        try:
            work_on(path, parsed.out, parsed.info, private)
        except Problem as problem:
            print(f"{path}: {problem}", file=sys.stderr)
            code = max(code, problem.code)
        except OSError as error:
            print(f"{path}: {error}", file=sys.stderr)
            code = max(code, 1)
    return code


if __name__ == "__main__":
    sys.exit(main())
