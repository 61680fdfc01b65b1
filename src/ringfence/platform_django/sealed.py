"""Model fields that hold sealed values: what they are sealed for, and opening them in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

import msgspec
from django.db.migrations import RunSQL
from django.db.models import Field, Model

from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER, INSTALLATION, SealedFieldNumber
from ringfence.kernel.ids import uuid7_day
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import OVERHEAD, Place
from ringfence.platform.keys.errors import UnfitName, Unreadable
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform_django.keys import keys
from ringfence.platform_django.use import current_actor, current_use

if TYPE_CHECKING:
    _AnyField = Field[Any, Any]
else:
    _AnyField = Field  # not subscriptable at run time

day_of = uuid7_day
"""UTC day (since 1970-01-01) in which a UUIDv7 was made: names the bucket of its row's values."""


class SealedField(_AnyField):
    """A column of sealed bytes. In Python it is those bytes; ``open_fields`` opens them.

    ``role`` names whose value it is, as in the field's classification; the row carries that
    person's id in ``person`` (default ``<role>_id``; empty: the value is nobody's and lies under
    the tenant's secret key). ``row`` and ``day_of`` name the attributes that hold the id which the
    value is bound to, and the UUIDv7 whose time names the day of its bucket; where the value lives
    until an event, ``account`` names the attribute with the account that the event ends. A row
    without tenant is the installation's.
    """

    description = "Sealed value"

    def __init__(
        self,
        number: int,
        role: str,
        *,
        category: str = IDENTIFIER,
        rule: str = CALL_RECORDS,
        person: str | None = None,
        row: str = "id",
        day_of: str = "id",
        account: str | None = None,
        null: bool = True,
        **options: Any,
    ) -> None:
        self.number = SealedFieldNumber(number)
        self.role = role
        self.category = category
        self.rule = rule
        self.person = f"{role}_id" if person is None else person
        self.row = row
        self.day_of = day_of
        self.account = account
        super().__init__(null=null, editable=False, **options)

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of all fields whose values may stand here: its own, unless it holds copies."""
        return frozenset({int(self.number)})

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        given = {
            "category": (self.category, IDENTIFIER),
            "rule": (self.rule, CALL_RECORDS),
            "person": (self.person, f"{self.role}_id"),
            "row": (self.row, "id"),
            "day_of": (self.day_of, "id"),
            "account": (self.account, None),
            "null": (self.null, True),
        }
        kwargs.pop("null", None)
        kwargs |= {"number": int(self.number), "role": self.role}
        kwargs |= {key: value for key, (value, default) in given.items() if value != default}
        return name, path, args, kwargs

    def db_type(self, connection: Any) -> str:
        return "bytea"

    def place(self, row: Any) -> Place:
        """Where a row's value is sealed for. Raises UnfitName when the row names no person."""
        tenant = cast("UUID | None", row.tenant_id) or INSTALLATION
        if not self.person:
            return Place(tenant, self.number, getattr(row, self.row), None, None)
        person = getattr(row, self.person)
        if person is None:
            raise UnfitName("the row does not say whose value this is")
        if self.account is None:
            bucket = Bucket(self.category, self.rule, day=day_of(getattr(row, self.day_of)))
        else:
            bucket = Bucket(self.category, self.rule, account=getattr(row, self.account))
        return Place(tenant, self.number, getattr(row, self.row), person, bucket)

    def encode(self, value: Any) -> bytes:
        """What is sealed for a value."""
        raise NotImplementedError

    def decode(self, data: bytes) -> Any:
        """Opposite of ``encode``."""
        raise NotImplementedError


class SealedBytes(SealedField):
    """Bytes, as they are."""

    def encode(self, value: Any) -> bytes:
        return bytes(value)

    def decode(self, data: bytes) -> Any:
        return data


class SealedText(SealedField):
    """Text, in UTF-8."""

    def encode(self, value: Any) -> bytes:
        return cast(str, value).encode()

    def decode(self, data: bytes) -> Any:
        return data.decode()


class SealedJSON(SealedField):
    """What JSON can say."""

    def encode(self, value: Any) -> bytes:
        return msgspec.json.encode(value)

    def decode(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


class Opened(msgspec.Struct, frozen=True):
    """A value, or the code of why it does not open: ``key_destroyed``, ``key_refused``,
    ``key_unknown``, ``unreadable_value``. Neither where the column is empty."""

    value: Any = None
    error: str | None = None


EMPTY = Opened()
_Waiting = tuple[dict[str, Opened], SealedField, Value, tuple[str, ...]]


class SealedRow(Protocol):
    """What a model with sealed fields has."""

    @property
    def use_objects(self) -> tuple[str, ...]:
        """Public ids under which the audit trail finds an opening of the row's values."""
        ...


def sealed_field(model: type[Model] | Model, name: str) -> SealedField:
    """The sealed field of a model. Raises TypeError for another kind of field."""
    field = model._meta.get_field(name)
    if not isinstance(field, SealedField):
        raise TypeError(f"{model._meta.label}.{name} is no sealed field")
    return field


def seal_field(row: Model, field: str, value: Any) -> bytes:
    """A value sealed for the place that it will have in ``row``, whose ids must be set.

    Raises Unavailable, KeyDestroyed, KeyUnknown, Refused, UnfitName.
    """
    kind = sealed_field(row, field)
    place = kind.place(row)
    (sealed,) = keys().seal(
        place.tenant, [_value(place, kind.encode(value))], actor=current_actor()
    )
    return sealed


def open_fields(rows: Sequence[Model], *fields: str) -> list[dict[str, Opened]]:
    """The named fields of each row of one model, opened for the current use.

    Raises PurposeRequired without a use, Refused (403) when this process may not claim its
    purpose, Unavailable.
    """
    return open_groups((rows, fields))[0]


def open_groups(
    *groups: tuple[Sequence[Model], Sequence[str]],
) -> list[list[dict[str, Opened]]]:
    """``open_fields`` for rows of several models: one request for all of a tenant's values."""
    use = current_use()
    found: list[list[dict[str, Opened]]] = []
    waiting: dict[UUID, list[_Waiting]] = {}
    for rows, fields in groups:
        kinds = [sealed_field(rows[0], name) for name in fields] if rows else []
        results: list[dict[str, Opened]] = []
        for row in rows:
            result = dict.fromkeys(fields, EMPTY)
            results.append(result)
            for kind in kinds:
                data = getattr(row, kind.attname)
                if data is None:
                    continue
                try:
                    place = kind.place(row)
                except UnfitName:
                    result[kind.attname] = Opened(error=Unreadable.code)
                    continue
                named = cast(SealedRow, row).use_objects
                waiting.setdefault(place.tenant, []).append(
                    (result, kind, _value(place, data), named)
                )
        found.append(results)
    for tenant, items in waiting.items():
        values = [value for _, _, value, _ in items]
        objects = tuple(dict.fromkeys(name for *_, named in items for name in named))
        opened = keys().open(tenant, use.purpose, values, actor=use.actor, objects=objects)
        for (result, kind, *_), outcome in zip(items, opened, strict=True):
            result[kind.attname] = _opened(kind, outcome)
    return found


def sealed_check(table: str, column: str) -> RunSQL:
    """The database itself refuses a value in this column that has not the form of a sealed one."""
    name = f"{table}_{column}_sealed"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NULL OR "
        f"(octet_length({column}) >= {OVERHEAD} AND get_byte({column}, 0) = 1))",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def _value(place: Place, data: bytes) -> Value:
    return Value(LeafRef(place.bucket, place.person), place, data)


def _opened(kind: SealedField, outcome: bytes | RingfenceError) -> Opened:
    if isinstance(outcome, RingfenceError):
        return Opened(error=outcome.code)
    try:
        return Opened(kind.decode(outcome))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Opened(error=Unreadable.code)
