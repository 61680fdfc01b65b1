"""Persons: which one an identifier means, for how long, and the items that are made with them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from ringfence.platform.keys import crypto, names
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, UnfitName
from ringfence.platform.keys.names import Bucket, KeyName, Kind
from ringfence.platform.keys.store import KeyStore

IdentifierKind = Literal["e164", "email", "device", "user", "withheld"]
_KINDS: tuple[IdentifierKind, ...] = ("withheld", "e164", "email", "device", "user")
"""A kind's place here stands in the store and never changes."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MAX_TEXT = 320


class Identifier(msgspec.Struct, frozen=True):
    """What tells a person from others. ``withheld`` has no text."""

    kind: IdentifierKind
    text: str = ""

    def normal(self) -> bytes | None:
        """The form under which it is unique; None when it tells nobody from anybody else."""
        text = self.text.strip()
        if self.kind == "e164":
            text = text if _E164.fullmatch(text) else ""
        elif self.kind == "email":
            text = text.lower() if _EMAIL.fullmatch(text) else ""
        elif self.kind == "withheld":
            text = ""
        if not text or len(text) > _MAX_TEXT:
            return None
        return bytes((_KINDS.index(self.kind),)) + text.encode()


class Resolved(msgspec.Struct, frozen=True):
    """A person, the number of their tenure of the identifier (from 1), whether just made."""

    person: UUID
    tenure: int
    new: bool


class NewItem(msgspec.Struct, frozen=True):
    """An item (a track, a voicemail, a document …) and the persons whose content it is."""

    id: UUID
    persons: tuple[UUID, ...]
    bucket: Bucket | None = None
    """Have the leaf that seals its content in this bucket come with the reply."""


def resolve(store: KeyStore, tenant: UUID, identifiers: Sequence[Identifier]) -> list[Resolved]:
    """The person of each identifier, made where there is none; in the caller's transaction.

    A withheld or unparsable identifier is a fresh person each time.
    """
    return [_resolve(store, tenant, identifier.normal()) for identifier in identifiers]


def find(store: KeyStore, tenant: UUID, identifier: Identifier) -> Resolved | None:
    """The person that an identifier means now, if any. Makes nothing."""
    normal = identifier.normal()
    current = None if normal is None else store.get(_identifier_name(tenant, normal))
    return None if current is None else _decode(current)


def reassign(store: KeyStore, tenant: UUID, identifier: Identifier) -> Resolved:
    """Begin a new tenure: the identifier means somebody else from now on.

    The earlier person stays as they are. Raises UnfitName for an identifier that means nobody.
    """
    normal = identifier.normal()
    if normal is None:
        raise UnfitName("this identifier tells nobody from anybody else")
    current = store.get(_identifier_name(tenant, normal))
    tenure = 1 if current is None else _decode(current).tenure + 1
    return _make(store, tenant, normal, tenure)


def identifier_of(store: KeyStore, tenant: UUID, person: UUID) -> Identifier | None:
    """The identifier that a person was made for; None for a withheld one.

    Raises KeyDestroyed for an erased person, KeyUnknown when there never was such a person.
    """
    name = names.person_name(tenant, person)
    value = store.get(name)
    if value is None:
        if store.tombstoned(name):
            raise KeyDestroyed("the person was erased")
        raise KeyUnknown("no such person")
    normal = value[crypto.KEY_BYTES :]
    return Identifier(_KINDS[normal[0]], normal[1:].decode()) if normal else None


def mapping_of(store: KeyStore, tenant: UUID, person: UUID) -> tuple[KeyName, bool] | None:
    """The row of the identifier that a living person was made for, and whether it still means
    them; None without such an identifier."""
    value = store.get(names.person_name(tenant, person))
    if value is None or not value[crypto.KEY_BYTES :]:
        return None
    name = _identifier_name(tenant, value[crypto.KEY_BYTES :])
    current = store.get(name)
    return name, current is not None and _decode(current).person == person


def create_items(store: KeyStore, tenant: UUID, items: Sequence[NewItem]) -> None:
    """Make item keys, in the caller's transaction. Repeating it changes nothing.

    Raises KeyDestroyed for an item that was destroyed.
    """
    for item in items:
        name = names.item_name(tenant, item.id)
        if store.get(name) is None:
            owners = b"".join(person.bytes for person in item.persons)
            store.put(name, crypto.new_key() + owners, unconfirmed=True)
        else:
            store.touch(name)


def item_persons(store: KeyStore, tenant: UUID, item: UUID) -> list[UUID]:
    """Whose content an item is; empty for one that is not alive."""
    value = store.get(names.item_name(tenant, item)) or b""
    owners = value[crypto.KEY_BYTES :]
    return [UUID(bytes=owners[at : at + 16]) for at in range(0, len(owners), 16)]


def _resolve(store: KeyStore, tenant: UUID, normal: bytes | None) -> Resolved:
    if normal is not None:
        current = store.get(_identifier_name(tenant, normal))
        if current is not None:
            resolved = _decode(current)
            name = names.person_name(tenant, resolved.person)
            if store.get(name) is None:  # lost with its shard when an older copy was put back
                return _make(store, tenant, normal, resolved.tenure + 1)
            store.touch(name)
            return resolved
    return _make(store, tenant, normal or b"", 1)


def _make(store: KeyStore, tenant: UUID, normal: bytes, tenure: int) -> Resolved:
    person = UUID(bytes=os.urandom(16))
    seed = crypto.new_key()
    store.put(names.person_name(tenant, person), seed + normal, unconfirmed=True)
    if normal:
        value = person.bytes + tenure.to_bytes(4, "big")
        store.replace(_identifier_name(tenant, normal), value)
    return Resolved(person, tenure, new=True)


def _decode(value: bytes) -> Resolved:
    return Resolved(UUID(bytes=value[:16]), int.from_bytes(value[16:], "big"), new=False)


def _identifier_name(tenant: UUID, normal: bytes) -> KeyName:
    return KeyName(Kind.IDENTIFIER, tenant, normal)
