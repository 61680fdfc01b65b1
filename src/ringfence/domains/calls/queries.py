"""Reading call records, as the tenant that they belong to."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from ringfence.domains.calls.contracts import (
    CallFilter,
    CallInfo,
    CallNotFound,
    CallPage,
    LegInfo,
)
from ringfence.domains.calls.models import Call, CallLeg, CallTag
from ringfence.kernel.clock import to_micros
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import Opened, open_fields, open_groups
from ringfence.platform_django.tenancy import tenant
from ringfence.platform_django.use import current_use

MAX_PAGE = 200

_CALL_PARTIES = ("caller_sealed", "callee_sealed")
_CALL_SEALED = (*_CALL_PARTIES, "captured_sealed")
_LEG_PARTY = ("party_sealed",)
_OWN = {
    *("from_number", "from_error", "to_number", "to_error", "captured", "captured_error"),
    *("tags", "legs", "number", "number_error"),
}
_CALL_FACTS = [item.name for item in fields(CallInfo) if item.name not in _OWN]
_LEG_FACTS = [item.name for item in fields(LegInfo) if item.name not in _OWN]


def live_calls_of_person(tenant_id: UUID, person: UUID) -> set[UUID]:
    """The calls of the tenant that go on, as far as their events are known, and that the person
    made, was called by, or has a leg of."""
    with tenant(tenant_id):
        legs = CallLeg.objects.filter(tenant_id=tenant_id, party_id=person, ended_at=None)
        calls = Call.objects.filter(tenant_id=tenant_id, ended_at=None)
        return set(
            calls.filter(
                Q(caller_id=person)
                | Q(callee_id=person)
                | Q(id__in=legs.values_list("call_id", flat=True))
            ).values_list("id", flat=True)
        )


def _leg_info(row: CallLeg, opened: dict[str, Opened]) -> LegInfo:
    number, error = _number(row.party_id, opened["party_sealed"])
    facts = {name: getattr(row, name) for name in _LEG_FACTS}
    return LegInfo(**facts, number=number, number_error=error)


def _call_info(
    row: Call,
    opened: dict[str, Opened],
    tags: dict[str, str],
    legs: tuple[LegInfo, ...] = (),
) -> CallInfo:
    from_number, from_error = _number(row.caller_id, opened["caller_sealed"])
    to_number, to_error = row.dialled, None
    if to_number is None:
        to_number, to_error = _number(row.callee_id, opened["callee_sealed"])
    captured = opened.get("captured_sealed", Opened())
    asked = "captured_sealed" in opened
    return CallInfo(
        **{name: getattr(row, name) for name in _CALL_FACTS},
        from_number=from_number,
        from_error=from_error,
        to_number=to_number,
        to_error=to_error,
        tags=tags,
        captured=captured.value,
        captured_error=captured.error or (_gone(row.captured_id, captured) if asked else None),
        legs=legs,
    )


def _number(person: UUID | None, opened: Opened) -> tuple[str | None, str | None]:
    """A party's number, or why there is none."""
    value: dict[str, Any] = opened.value or {}
    return value.get("number"), opened.error or _gone(person, opened)


def _gone(person: UUID | None, opened: Opened) -> str | None:
    """A value that is gone went with its person's key."""
    return KeyDestroyed.code if person is not None and opened.value is None else None


def _floor(moment: datetime) -> UUID:
    """Ids carry milliseconds: a call of the millisecond in which ``moment`` lies is not before.
    None is of before 1970."""
    return uuid7_floor(max(0, -(-to_micros(moment) // 1000)))


def _matching(tenant_id: UUID, where: CallFilter) -> QuerySet[Call]:
    """Time is filtered by id, which a call gets when it starts: that also picks the partitions.

    A number is searched by the person that it means now: no other trace of it is in the database.
    """
    rows = Call.objects.all()
    wanted = [number for number in (where.from_number, where.to_number) if number is not None]
    persons = dict(zip(wanted, _persons(tenant_id, wanted), strict=True))
    if where.from_number is not None:
        caller = persons[where.from_number]
        rows = rows.none() if caller is None else rows.filter(caller_id=caller)
    if where.to_number is not None:
        called, callee = Q(dialled=where.to_number), persons[where.to_number]
        rows = rows.filter(called if callee is None else called | Q(callee_id=callee))
    if where.since is not None:
        rows = rows.filter(id__gte=_floor(where.since))
    if where.until is not None:
        rows = rows.filter(id__lt=_floor(where.until))
    exact = {
        "disposition": where.disposition,
        "direction": where.direction,
        "number_id": where.number_id,
        "trunk_id": where.trunk_id,
        "flow_id": where.flow_id,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    if where.tag is None:
        return rows
    tags = CallTag.objects.filter(tenant_id=tenant_id, name=where.tag)
    if where.tag_value is not None:
        tags = tags.filter(value=where.tag_value)
    return rows.filter(id__in=tags.values("call_id"))


def _persons(tenant_id: UUID, numbers: list[str]) -> list[UUID | None]:
    if not numbers:
        return []
    use = current_use()
    identifiers = [_identifier(number) for number in numbers]
    found = keys().find(tenant_id, identifiers, purpose=use.purpose, actor=use.actor)
    return [None if person is None else person.person for person in found]


def _identifier(number: str) -> Identifier:
    """As the call plane named the person."""
    e164 = Identifier("e164", number)
    return e164 if e164.normal() is not None else Identifier("user", number)


def list_calls(
    tenant_id: UUID,
    where: CallFilter = CallFilter(),  # noqa: B008 - frozen
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> CallPage:
    """A page of the tenant's calls, newest first, at most 200; ``before`` is a cursor.

    Opened for the current use. Raises PurposeRequired, Refused, Unavailable.
    """
    current_use()  # before anything is looked for
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        rows = _matching(tenant_id, where)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = list(rows.order_by("-id")[: limit + 1])
        page = found[:limit]
        tags = _tags([row.id for row in page])
    opened = open_fields(page, *_CALL_PARTIES)
    return CallPage(
        tuple(map(_call_info, page, opened, tags)), page[-1].id if len(found) > limit else None
    )


def _tags(calls: list[UUID]) -> list[dict[str, str]]:
    """Of each of these calls, in the tenant's transaction."""
    found: dict[UUID, dict[str, str]] = {call: {} for call in calls}
    if calls:
        rows = CallTag.objects.filter(call_id__in=calls).order_by("name")
        for call, name, value in rows.values_list("call_id", "name", "value"):
            found[call][name] = value
    return list(found.values())


def get_call(tenant_id: UUID, call_id: UUID) -> CallInfo:
    """One call with its legs in order of creation, opened for the current use.

    Raises CallNotFound, PurposeRequired, Refused, Unavailable.
    """
    with tenant(tenant_id):
        row = Call.objects.filter(id=call_id).first()
        if row is None:
            raise CallNotFound("no such call")
        legs = list(CallLeg.objects.filter(call_id=call_id).order_by("created_at", "id"))
        (tags,) = _tags([call_id])
    (opened,), of_legs = open_groups(([row], _CALL_SEALED), (legs, _LEG_PARTY))
    return _call_info(row, opened, tags, tuple(map(_leg_info, legs, of_legs)))


def last_call_at(tenant_id: UUID, number: str, *, before: UUID) -> datetime | None:
    """When whoever the number (E.164) means now last called the tenant before the call ``before``.

    Opens nothing; looked up for the current use. Raises PurposeRequired, Refused, Unavailable.
    """
    (person,) = _persons(tenant_id, [number])
    if person is None:
        return None
    with tenant(tenant_id):
        rows = Call.objects.filter(tenant_id=tenant_id, caller_id=person, id__lt=before)
        return rows.order_by("-id").values_list("started_at", flat=True).first()
