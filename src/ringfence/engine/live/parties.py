"""The persons of journal events, opened for those who listen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import party_facts, party_objects, party_place
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER
from ringfence.kernel.ids import uuid7_day
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.names import Bucket, LeafRef

_PURPOSE, _ACTOR = "service", "live"


class EventParties(NamedTuple):
    """What of a journal row is needed to show its persons."""

    tenant: UUID
    call: UUID
    kind: str
    data: str
    """JSON object."""
    caller: UUID | None
    caller_sealed: bytes | None
    callee: UUID | None
    callee_sealed: bytes | None

    def persons(self) -> list[tuple[str, UUID, bytes | None]]:
        """Role, person and sealed value of each."""
        named = (
            ("caller", self.caller, self.caller_sealed),
            ("callee", self.callee, self.callee_sealed),
        )
        return [(role, person, sealed) for role, person, sealed in named if person is not None]


async def with_parties(keys: KeyClient, rows: Sequence[EventParties]) -> list[str]:
    """``data`` of each row with its persons as ``caller`` and ``callee``: their id, and what was
    sealed for them or ``error``. One request per tenant. Raises Unavailable."""
    shown: dict[int, dict[str, Any]] = {}
    waiting: dict[UUID, list[tuple[str, dict[str, Any], Value]]] = {}
    named: dict[UUID, dict[str, None]] = {}
    for index, row in enumerate(rows):
        for role, person, sealed in row.persons():
            data = shown.setdefault(index, msgspec.json.decode(row.data))
            party = data[role] = {"person": person.hex}
            if sealed is None:
                party["error"] = KeyDestroyed.code  # the value went with the key
            else:
                value = _value(row, role, person, sealed, data)
                waiting.setdefault(row.tenant, []).append((row.kind, party, value))
                of_tenant = named.setdefault(row.tenant, {})
                of_tenant.update(dict.fromkeys(party_objects(row.kind, row.call, data)))
    for tenant, items in waiting.items():
        values = [value for *_, value in items]
        opened = await keys.open(
            tenant, _PURPOSE, values, actor=_ACTOR, objects=tuple(named[tenant])
        )
        for (kind, party, _), outcome in zip(items, opened, strict=True):
            party |= _shown(kind, outcome)
    return [
        msgspec.json.encode(shown[index]).decode() if index in shown else row.data
        for index, row in enumerate(rows)
    ]


def _value(
    row: EventParties, role: str, person: UUID, sealed: bytes, data: dict[str, Any]
) -> Value:
    field, place_row = party_place(role, row.kind, row.call, data)
    bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=uuid7_day(row.call))
    return Value(
        LeafRef(bucket, person), Place(row.tenant, field, place_row, person, bucket), sealed
    )


def _shown(kind: str, outcome: bytes | RingfenceError) -> dict[str, Any]:
    if isinstance(outcome, RingfenceError):
        return {"error": outcome.code}
    return party_facts(kind, msgspec.json.decode(outcome))
