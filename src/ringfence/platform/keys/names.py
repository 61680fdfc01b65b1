"""How keys are named: fixed-length encodings, so that no two names share their bytes."""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime
from enum import IntEnum
from uuid import UUID

import msgspec

from ringfence.platform.keys.errors import UnfitName

_LABEL_BYTES = 24
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,23}")
_EPOCH = date(1970, 1, 1)
_MAX_DAY = 1_000_000
BUCKET_BYTES = 1 + 2 * _LABEL_BYTES + 16


class Kind(IntEnum):
    """What a row of the store holds. The numbers stand in the store and never change."""

    PERSON = 1
    """Seed of a person, and the identifier it was made for. id: person."""
    PERSON_CATEGORY = 2
    """Derived key that outlived its seed. id: person, category."""
    MONTH = 3
    """Month seed. id: category, rule, month."""
    DAY = 4
    """Derived day key that outlived its month seed. id: category, rule, day."""
    EVENT = 5
    """Key of a bucket whose clock starts at an event. id: category, rule, account."""
    ITEM = 6
    """Item key. id: item."""
    HOLD = 7
    """Key of a legal hold. id: hold."""
    IDENTIFIER = 8
    """Which person an identifier means now. id: kind, text. Not a key; never tombstoned."""
    STATE = 9
    """Restriction and consents of a person. id: person. Not a key; never tombstoned."""
    SECRET = 10
    """The tenant's key for secrets that belong to no person. id: empty."""
    SUPPRESSED = 11
    """An identifier on a suppression list. id: list, kind, text. Not a key; never tombstoned."""
    LINK = 12
    """Which subject a person was linked to. id: person. Not a key; never tombstoned."""
    SUBJECT = 13
    """The persons of a subject. id: subject. Not a key; never tombstoned."""


UNTOMBSTONED = frozenset({Kind.IDENTIFIER, Kind.STATE, Kind.SUPPRESSED, Kind.LINK, Kind.SUBJECT})
"""Kinds whose names must not survive, or that may come again."""
OF_PERSON = frozenset({Kind.PERSON, Kind.PERSON_CATEGORY, Kind.STATE, Kind.LINK})
"""Kinds whose id begins with the person's."""


@functools.lru_cache(1024)
def label(text: str) -> bytes:
    """24 bytes of a category or rule name. Raises UnfitName unless ``[a-z][a-z0-9_]{0,23}``."""
    if not _LABEL.fullmatch(text):
        raise UnfitName(f"{text!r} is no name of a category or rule")
    return text.encode("ascii").ljust(_LABEL_BYTES, b"\0")


def unlabel(raw: bytes) -> str:
    """The name that 24 bytes encode."""
    return raw.rstrip(b"\0").decode("ascii")


def day_number(moment: datetime) -> int:
    """Days since 1970-01-01 of a moment, in UTC."""
    return (moment.astimezone(UTC).date() - _EPOCH).days


def day_date(day: int) -> date:
    """The date of a day number. Raises UnfitName outside the calendar."""
    if not 0 <= day < _MAX_DAY:
        raise UnfitName("the day is outside the calendar")
    return date.fromordinal(_EPOCH.toordinal() + day)


def month_of(day: int) -> int:
    """Months since year 0 of the month that contains a day."""
    at = day_date(day)
    return at.year * 12 + at.month - 1


def days_of(month: int) -> range:
    """All day numbers of a month."""
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return range((first - _EPOCH).days, (following - _EPOCH).days)


class Bucket(msgspec.Struct, frozen=True):
    """When a value dies: with a UTC day, or (``account`` given) with an event of an account."""

    category: str
    rule: str
    day: int | None = None
    account: UUID | None = None

    def encode(self) -> bytes:
        """65 bytes. Raises UnfitName unless exactly one of day and account is given."""
        head = label(self.category) + label(self.rule)
        if self.account is not None and self.day is None:
            return b"\x02" + head + self.account.bytes
        if self.day is not None and self.account is None:
            day_date(self.day)
            return b"\x01" + head + _u32(self.day) + bytes(12)
        raise UnfitName("a bucket has either a day or an account")


class LeafRef(msgspec.Struct, frozen=True):
    """What a leaf is derived from besides its bucket.

    A record field: ``person``. Content: one item. What mixes tracks: two items or more. Secrets
    that belong to no person: neither of these, and no bucket.
    """

    bucket: Bucket | None
    """None: the tenant's secret key."""
    person: UUID | None = None
    items: tuple[UUID, ...] = ()

    def check(self) -> None:
        """Raises UnfitName unless it names a person or distinct items, not both, or nothing."""
        if self.bucket is None:
            if self.person is not None or self.items:
                raise UnfitName("the tenant's secret key belongs to no person and no item")
            return
        repeated = len(set(self.items)) != len(self.items)
        if (self.person is None) == (not self.items) or repeated or len(self.items) > 255:
            raise UnfitName("a leaf belongs to a person, or to one item or more")


class KeyName(msgspec.Struct, frozen=True):
    """Name of one row of the store."""

    kind: Kind
    tenant: UUID
    id: bytes

    def encode(self) -> bytes:
        return bytes((self.kind,)) + self.tenant.bytes + self.id


def decode_name(raw: bytes) -> KeyName:
    """The name that ``KeyName.encode`` gave."""
    return KeyName(Kind(raw[0]), UUID(bytes=raw[1:17]), raw[17:])


def person_name(tenant: UUID, person: UUID) -> KeyName:
    return KeyName(Kind.PERSON, tenant, person.bytes)


def category_name(tenant: UUID, person: UUID, category: str) -> KeyName:
    return KeyName(Kind.PERSON_CATEGORY, tenant, person.bytes + label(category))


def month_name(tenant: UUID, category: str, rule: str, month: int) -> KeyName:
    return KeyName(Kind.MONTH, tenant, label(category) + label(rule) + _u32(month))


def day_name(tenant: UUID, category: str, rule: str, day: int) -> KeyName:
    return KeyName(Kind.DAY, tenant, label(category) + label(rule) + _u32(day))


def event_name(tenant: UUID, category: str, rule: str, account: UUID) -> KeyName:
    return KeyName(Kind.EVENT, tenant, label(category) + label(rule) + account.bytes)


def item_name(tenant: UUID, item: UUID) -> KeyName:
    return KeyName(Kind.ITEM, tenant, item.bytes)


def hold_name(tenant: UUID, hold: UUID) -> KeyName:
    return KeyName(Kind.HOLD, tenant, hold.bytes)


def state_name(tenant: UUID, person: UUID) -> KeyName:
    return KeyName(Kind.STATE, tenant, person.bytes)


def link_name(tenant: UUID, person: UUID) -> KeyName:
    return KeyName(Kind.LINK, tenant, person.bytes)


def subject_name(tenant: UUID, subject: UUID) -> KeyName:
    return KeyName(Kind.SUBJECT, tenant, subject.bytes)


def secret_name(tenant: UUID) -> KeyName:
    return KeyName(Kind.SECRET, tenant, b"")


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "big")
