"""What the engine seals: the persons of its live calls, and its own means of ending them.

It can seal, and open nothing but what an earlier run of this node wrote for its own recovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from ringfence.engine.journal.records import RecoveryKey, SealedParty
from ringfence.engine.journal.recovery_key import LegSealer, bucket_of, place_of
from ringfence.kernel.clock import Clock, from_micros
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import (
    CALL_RECORDS,
    IDENTIFIER,
    INSTALLATION,
    RECOVERY,
    SealedFieldNumber,
)
from ringfence.kernel.ids import uuid7
from ringfence.platform.keys import crypto
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.persons import Identifier, NewItem

_ACTOR = "signalling"


@dataclass(frozen=True, slots=True)
class Party:
    """What one record says of a person."""

    person: UUID
    field: SealedFieldNumber
    row: UUID
    value: dict[str, str]


class CallSeals:
    """The persons of one call, in the order in which they were named, and what seals for them."""

    def __init__(
        self, client: KeyClient, tenant: UUID, bucket: Bucket, persons: tuple[UUID, ...]
    ) -> None:
        self._client = client
        self._tenant = tenant
        self._bucket = bucket
        self.persons = persons

    @property
    def day(self) -> int:
        """Of the call's buckets."""
        assert self._bucket.day is not None
        return self._bucket.day

    async def seal(self, parties: Sequence[Party]) -> list[SealedParty]:
        """Seal for the places where the records will stand: at once, so long as the leaves that
        came with the persons are good. Raises Unavailable, KeyDestroyed, Refused.
        """
        values = [self._value(party) for party in parties]
        leaves = [self._client.sealing_leaf(self._tenant, value.ref) for value in values]
        sealed = [
            crypto.seal(leaf, value.place, value.data)
            for leaf, value in zip(leaves, values, strict=True)
            if leaf is not None
        ]
        if None in leaves:  # a key died just now, which empties every cache
            sealed = await self._client.seal(self._tenant, values, actor=_ACTOR)
        return [
            SealedParty(party.person, data) for party, data in zip(parties, sealed, strict=True)
        ]

    def _value(self, party: Party) -> Value:
        place = Place(self._tenant, party.field, party.row, party.person, self._bucket)
        ref = LeafRef(self._bucket, party.person)
        return Value(ref, place, msgspec.json.encode(party.value))


class Vault:
    """The engine's side of the process ``keys``."""

    def __init__(self, client: KeyClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def begin(
        self, tenant: UUID | None, started: int, identifiers: Sequence[Identifier]
    ) -> CallSeals:
        """The persons of a call that came at ``started`` (microseconds): one round trip.

        Raises Unavailable, Refused.
        """
        owner = tenant or INSTALLATION
        bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=day_number(from_micros(started)))
        found = await self._client.resolve(owner, identifiers, seal=(bucket,))
        return CallSeals(self._client, owner, bucket, tuple(item.person for item in found))

    async def leg_sealer(self) -> LegSealer:
        """A fresh key for the states of legs, good until about a day from now."""
        day, item, key = day_number(self._clock.now()), uuid7(self._clock), crypto.new_key()
        bucket = bucket_of(day)
        await self._client.resolve(INSTALLATION, (), [NewItem(item, (), bucket)])
        value = Value(LeafRef(bucket, items=(item,)), place_of(item, day), key)
        (sealed,) = await self._client.seal(INSTALLATION, [value], actor=_ACTOR)
        return LegSealer(RecoveryKey(item, day, sealed), key)

    async def open_sealers(self, records: Sequence[RecoveryKey]) -> dict[UUID, LegSealer]:
        """The keys of an earlier run, by item, as far as they still exist."""
        if not records:
            return {}
        values = [
            Value(
                LeafRef(bucket_of(record.day), items=(record.item,)),
                place_of(record.item, record.day),
                record.sealed,
            )
            for record in records
        ]
        opened = await self._client.open(INSTALLATION, RECOVERY, values, actor=_ACTOR)
        return {
            record.item: LegSealer(record, key)
            for record, key in zip(records, opened, strict=True)
            if not isinstance(key, RingfenceError)
        }
