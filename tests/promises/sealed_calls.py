"""Calls as the call plane leaves them: sealed events in a spool, shipped and projected; sealed
tracks in the object store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.recordings.models import Recording, RecordingTrack
from ringfence.domains.recordings.track_file import object_key, object_store
from ringfence.engine.journal.records import EventRecord, SealedParty, encode
from ringfence.entry.control.shipper import Shipper
from ringfence.kernel.clock import ManualClock, to_micros
from ringfence.kernel.fields import (
    CALL_RECORDS,
    CONTENT,
    IDENTIFIER,
    RECORDINGS,
    SealedFieldNumber,
)
from ringfence.kernel.ids import uuid7
from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.messages import SEAL
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.objects import Leaf, Sealer, open_object
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.spool import SpoolWriter
from ringfence.platform_django.tenancy import across_tenants

ACTOR = "call plane"


@dataclass(frozen=True)
class Track:
    """A speaker's sealed object."""

    id: UUID
    person: UUID
    ref: LeafRef
    place: Place
    sealed: bytes
    audio: bytes


@dataclass(frozen=True)
class SealedCall:
    """One call and everything of it that is sealed, with what it says."""

    id: UUID
    tenant: UUID
    caller: UUID
    callee: UUID
    caller_number: str
    callee_number: str
    day: int
    values: tuple[tuple[Value, bytes], ...]
    """Each sealed value (``data`` is the sealed form) and its clear text."""
    recording: UUID | None = None
    tracks: tuple[Track, ...] = ()


@dataclass
class CallPlane:
    """What signalling and media do of it, with their own credentials."""

    signalling: BlockingKeys
    media: BlockingKeys
    spool: Path
    _records: list[bytes] = field(default_factory=list)

    def call(
        self,
        tenant: UUID,
        caller: str,
        callee: str,
        *,
        at: datetime,
        recorded: bytes = b"",
    ) -> SealedCall:
        """An answered call that began at ``at``; ``recorded`` is what its two tracks contain."""
        clock = ManualClock(at)
        call, legs = uuid7(clock), (uuid7(clock), uuid7(clock))
        bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=day_number(at))
        identifiers = [Identifier("e164", number) for number in (caller, callee)]
        found = self.signalling.resolve(tenant, identifiers, seal=(bucket,))
        persons = [item.person for item in found]
        sealed: list[tuple[Value, bytes]] = []

        def seal(number: SealedFieldNumber, row: UUID, who: int) -> SealedParty:
            text = msgspec.json.encode({"number": (caller, callee)[who]})
            place = Place(tenant, number, row, persons[who], bucket)
            ref = LeafRef(bucket, persons[who])
            (data,) = self.signalling.seal(tenant, [Value(ref, place, text)], actor=ACTOR)
            sealed.append((Value(ref, place, data), text))
            return SealedParty(persons[who], data)

        a, b = (leg.hex for leg in legs)
        started = {
            "direction": "inbound", "trunk": tenant.hex, "source": "192.0.2.1:5060",
            "transport": "udp", "node": "node1", "country_code": "US", "area": caller[2:5],
        }  # fmt: skip
        fields = SealedFieldNumber
        ended = {"reason": "callee_hangup", "by": "callee"}
        events: list[tuple[str, dict[str, Any], SealedParty | None, SealedParty | None]] = [
            ("call.started", started, seal(fields.CALL_CALLER, call, 0),
             seal(fields.CALL_CALLEE, call, 1)),
            ("leg.created", {"leg": a, "role": "caller", "transport": "udp"},
             seal(fields.LEG_PARTY, legs[0], 0), None),
            ("call.routed", {"verbs": ["dial"]}, None, None),
            ("leg.created", {"leg": b, "role": "callee", "transport": "udp"}, None,
             seal(fields.LEG_PARTY, legs[1], 1)),
            ("call.answered", {"leg": b}, None, None),
            ("call.captured", {"names": ["number"]}, seal(fields.CALL_CAPTURED, call, 0), None),
            ("leg.ended", {"leg": b, "by": "remote"}, None, None),
            ("leg.ended", {"leg": a, "by": "local"}, None, None),
            ("call.ended", ended, None, None),
        ]  # fmt: skip
        for seq, (kind, data, of_caller, of_callee) in enumerate(events, 1):
            owner = tenant if seq > 2 else None  # before routing nobody knows whose call it is
            micros = to_micros(at) + seq * 1_000_000
            event = EventRecord(call, seq, micros, kind, owner, data, of_caller, of_callee)
            self._records.append(encode(event))
        recording, tracks = None, ()
        if recorded:
            recording = uuid7(clock)
            tracks = self._record(tenant, call, recording, legs, persons, at, recorded)
        return SealedCall(
            call, tenant, persons[0], persons[1], caller, callee, day_number(at), tuple(sealed),
            recording, tracks,
        )  # fmt: skip

    def _record(
        self,
        tenant: UUID,
        call: UUID,
        recording: UUID,
        legs: tuple[UUID, UUID],
        persons: list[UUID],
        at: datetime,
        audio: bytes,
    ) -> tuple[Track, ...]:
        bucket = Bucket(CONTENT, RECORDINGS, day=day_number(at))
        ids = [uuid7(ManualClock(at)) for _ in persons]
        pairs = list(zip(ids, persons, strict=True))
        self.media.resolve(tenant, (), [NewItem(item, (person,), bucket) for item, person in pairs])
        tracks = []
        for item, person in pairs:
            place = Place(tenant, SealedFieldNumber.RECORDING_TRACK, item, person, bucket)
            ref = LeafRef(bucket, items=(item,))
            sealer = Sealer(self.media.object_leaf(tenant, SEAL, ref, place, actor=ACTOR))
            said = audio + item.bytes
            body = sealer.header + sealer.update(said) + sealer.finish()
            object_store().put(object_key(tenant, item, day_number(at)), body)
            tracks.append(Track(item, person, ref, place, body, said))
        with across_tenants("test recordings") as db:
            Recording.objects.using(db).create(
                id=recording, tenant_id=tenant, call_id=call, started_at=at, state="stored",
                basis="CA", rule=RECORDINGS, day=day_number(at), gap="silence", marks=[],
            )  # fmt: skip
            for role, leg, track in zip(("caller", "callee"), legs, tracks, strict=True):
                RecordingTrack.objects.using(db).create(
                    id=track.id, tenant_id=tenant, recording_id=recording, call_id=call, leg_id=leg,
                    role=role, person_id=track.person, state="stored",
                )  # fmt: skip
        return tuple(tracks)

    def ship(self) -> None:
        """Write what was made since the last time to the spool, and deliver the spool."""

        async def write(records: Iterable[bytes]) -> None:
            writer = SpoolWriter(self.spool)
            for record in records:
                writer.append(record)
            await writer.durable()
            await writer.close()

        asyncio.run(write(self._records))
        self._records.clear()
        shipper = Shipper(self.spool, "node1")
        while shipper.deliver():
            pass
        connections.close_all()


def opens(keys: BlockingKeys, call: SealedCall, purpose: str = "service") -> list[bool]:
    """Which of a call's values and tracks open, to what they said."""
    values = [value for value, _ in call.values]
    opened = keys.open(call.tenant, purpose, values, actor="test")
    result = [found == text for found, (_, text) in zip(opened, call.values, strict=True)]
    for track in call.tracks:
        leaves = keys.leaves(call.tenant, purpose, [track.ref], actor="test")
        leaf = leaves[track.ref]
        if isinstance(leaf, bytes):
            said = b"".join(open_object([track.sealed], Leaf(leaf, track.place)))
            result.append(said == track.audio)
        else:
            result.append(False)
    return result
