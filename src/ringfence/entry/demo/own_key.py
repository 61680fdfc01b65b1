"""A customer's own key, as one holds it who trusts the platform with the public half alone.

Opens sealed objects as ``docs/guides/customer-keys.md`` describes them, by none of the product's
code.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.entry.demo.rest import ApiRefused, Rest

_BITS = 3072
_RSA = 2
_LAST = 1 << 31
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class OwnKey:
    """A fresh key pair; the private half is in the memory of this process alone."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(65537, _BITS)

    @property
    def public(self) -> str:
        """PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = self._private.public_key()
        return public.public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def id(self) -> bytes:
        """By which an object names the key."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = self._private.public_key().public_bytes(serialization.Encoding.DER, form)
        return hashlib.sha256(public).digest()

    def opened(self, sealed: bytes) -> bytes | None:
        """What is in an object; None where this key does not open all of it."""
        wraps, at = read_wraps(sealed)
        wrapped = {id_: data for kind, id_, data in wraps if kind == _RSA}.get(self.id)
        if wrapped is None:
            return None
        try:
            cipher = AESGCM(self._private.decrypt(wrapped, _OAEP))
            return b"".join(_chunks(cipher, sealed, at))
        except (InvalidTag, ValueError):
            return None


def read_wraps(sealed: bytes) -> tuple[list[tuple[int, bytes, bytes]], int]:
    """Kind, key id and wrapped key of each reader of an object, and where they end; none where it
    is not of the form."""
    wraps: list[tuple[int, bytes, bytes]] = []
    if len(sealed) < 2 or sealed[0] != 1:
        return wraps, 0
    at = 2
    for _ in range(sealed[1]):
        length = int.from_bytes(sealed[at + 33 : at + 35], "big")
        wraps.append((sealed[at], sealed[at + 1 : at + 33], sealed[at + 35 : at + 35 + length]))
        at += 35 + length
        if at > len(sealed):
            return [], 0
    return wraps, at


def _chunks(cipher: AESGCM, sealed: bytes, at: int) -> list[bytes]:
    """Raises InvalidTag, ValueError (the end is missing)."""
    prefix, at = sealed[at : at + 7], at + 7
    found: list[bytes] = []
    while True:
        stated = int.from_bytes(sealed[at : at + 4], "big")
        last, end = bool(stated & _LAST), at + 4 + (stated & ~_LAST)
        if end > len(sealed) or end == at + 4:
            raise ValueError("cut off")
        nonce = prefix + len(found).to_bytes(4, "big") + bytes((last,))
        found.append(cipher.decrypt(nonce, sealed[at + 4 : end], None))
        at = end
        if last:
            return found


def record_calls(api: Rest, *, alone: bool = False) -> OwnKey | None:
    """Switch recording on. The key that alone opens what is recorded, where the policy or ``alone``
    has it so; None: the platform plays it. Raises ApiRefused."""
    settings: dict[str, Any] = api.get("/recording-settings") | {"enabled": True}
    key = OwnKey() if alone or settings["custody"] == "customer" else None
    if key is not None:
        settings |= {"customer_key": key.public, "analysis_hours": 0}
    api.put("/recording-settings", settings)
    return key


def listen(api: Rest, recording: str, track: str, key: OwnKey | None) -> bytes:
    """One track as a WAV file, opened by the platform or by the customer's own key. Raises
    ApiRefused."""
    place = f"/recordings/{recording}"
    if key is None:
        return api.read(f"{place}/audio?track={track}")
    found = key.opened(api.read(f"{place}/tracks/{track}/object"))
    if found is None:
        raise ApiRefused("the object does not open", details={"status": 0, "code": "unreadable"})
    return found
