"""Recorded calls as the call plane and media leave them: sealed files on disk, journal events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from tests.keys_fixture import Keys

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES
from ringfence.domains.calls.api import store_events
from ringfence.domains.recordings import api as recordings
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.objects import Leaf, Sealer, customer_key_id
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.platform_django.keys import use_keys

ULAW_STREAM_HEADER = (
    b"RIFF\xff\xff\xff\xffWAVEfmt \x12\x00\x00\x00\x07\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00"
    b"\x01\x00\x08\x00\x00\x00fact\x04\x00\x00\x00\xff\xff\xff\xffdata\xff\xff\xff\xff"
)
"""Typed from the description of a mu-law stream: tag 7, mono, 8000 Hz, lengths unknown."""
TRACK_FIELD = 6
RATE = 8000


def ulaw_tone(hertz: float, seconds: float) -> bytes:
    """G.711 mu-law by its definition in floating point, independent of the product's tables."""
    out = bytearray()
    for n in range(int(seconds * RATE)):
        value = 0.5 * math.sin(2 * math.pi * hertz * n / RATE)
        level = int(127 * math.log1p(255 * abs(value)) / math.log(256))
        out.append((0xFF if value >= 0 else 0x7F) - level)
    return bytes(out)


@dataclass
class Recorded:
    """One recorded call."""

    tenant: UUID
    call: UUID
    recording: UUID
    caller_track: UUID
    callee_track: UUID
    caller_person: UUID
    callee_person: UUID
    day: int
    rule: str

    @property
    def id(self) -> str:
        return public_id(Prefix.RECORDING, self.recording)

    @property
    def call_id(self) -> str:
        return public_id(Prefix.CALL, self.call)

    def file(self, track: UUID) -> Path:
        return django_settings.RINGFENCE.track_dir / self.tenant.hex / track.hex


class World:
    """Tenants whose calls are recorded, around a real owner of keys and a local object store."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.acme = accounts.create_tenant("Acme").id
        self.bolt = accounts.create_tenant("Bolt").id

    def key(self, tenant: UUID | None = None, **options: Any) -> str:
        options = {"scopes": ALL_SCOPES} | options
        return accounts.create_api_key(tenant or self.acme, **options).secret

    @contextmanager
    def worker(self) -> Iterator[None]:
        """What runs in here runs with the rights of the worker process."""
        with use_keys(self.keys.blocking("worker")):
            yield

    def store(self) -> int:
        with self.worker():
            return recordings.store_tracks()

    def record(
        self,
        caller: bytes,
        callee: bytes,
        *,
        tenant: UUID | None = None,
        numbers: tuple[str, str] = ("+14155550100", "+12125550111"),
        customer: rsa.RSAPublicKey | None = None,
        alone: bool = False,
        cut: int = 0,
        completed: bool = True,
        store: bool = True,
    ) -> Recorded:
        """A call between two persons, each of whom is heard in a track of its own.

        ``alone``: nobody but the customer opens it. ``cut``: bytes missing at the end of the
        caller's file. ``completed`` False: the call plane died, and its recovery said no more than
        that the call ended.
        """
        tenant = tenant or self.acme
        call, recording = new_id(), new_id()
        tracks = new_id(), new_id()
        day = day_number(self.keys.clock.now())
        rule = "recordings" if customer is None else "customer_recordings"
        media = self.keys.blocking("media")
        persons = [
            found.person
            for found in self.keys.blocking("signalling").resolve(
                tenant, [Identifier("e164", number) for number in numbers]
            )
        ]
        made = Recorded(tenant, call, recording, *tracks, *persons, day, rule)
        for track, person, samples in zip(tracks, persons, (caller, callee), strict=True):
            bucket = Bucket("content", rule, day)
            media.resolve(tenant, (), [NewItem(track, (person,), bucket)])
            place = Place(tenant, TRACK_FIELD, track, person, bucket)
            leaf = media.sealing_leaf(tenant, LeafRef(bucket, items=(track,)))
            assert leaf is not None
            mine = None if alone else Leaf(leaf, place)
            sealer = Sealer(mine, () if customer is None else (customer,))
            data = sealer.header + sealer.update(ULAW_STREAM_HEADER + samples) + sealer.finish()
            path = made.file(track)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data[: len(data) - cut] if track == tracks[0] else data)
        self._tell(made, customer, max(len(caller), len(callee)) // 8, completed, alone)
        if store:
            assert self.store() == 1
        return made

    def _tell(
        self,
        made: Recorded,
        customer: rsa.RSAPublicKey | None,
        length: int,
        completed: bool,
        alone: bool,
    ) -> None:
        at = self.keys.clock.micros()
        speakers = [
            ("caller", made.caller_track, made.caller_person),
            ("callee", made.callee_track, made.callee_person),
        ]
        started = {
            "recording": made.recording.hex,
            "basis": "all_party:CA",
            "rule": made.rule,
            "day": made.day,
            "gap": "silence",
            "customer_keys": [] if customer is None else [customer_key_id(customer).hex()],
            "tracks": [
                {"track": track.hex, "leg": new_id().hex, "role": role, "person": person.hex}
                for role, track, person in speakers
            ],
        }
        if alone:
            started["custody"] = "customer"
        ends = [
            {"track": track.hex, "duration_ms": length, "bytes": 0, "complete": True}
            for _, track, _ in speakers
        ]
        done = {"recording": made.recording.hex, "duration_ms": length, "tracks": ends}
        facts: list[tuple[EventKind, dict[str, Any]]] = [
            (EventKind.CALL_STARTED, {"direction": "inbound"}),
            (EventKind.RECORDING_STARTED, started),
            *([(EventKind.RECORDING_COMPLETED, done)] if completed else []),
            (EventKind.CALL_ENDED, {"reason": "caller_hangup", "by": "caller"}),
        ]
        store_events(
            CallEvent(made.call, seq, at, kind, made.tenant, data)
            for seq, (kind, data) in enumerate(facts, 1)
        )
        recordings.project_recordings([made.call])


@contextmanager
def recorded_world(keys: Keys) -> Iterator[World]:
    """For a fixture: ``RINGFENCE`` must be ``keys.settings`` already."""
    with use_clock(keys.clock), use_keys(keys.blocking("web")):
        yield World(keys)
