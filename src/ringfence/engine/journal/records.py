"""Records of the spool: events, which are shipped to the database, and what only this node needs
to end its calls after a crash."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec


class SealedParty(msgspec.Struct, frozen=True, array_like=True):
    """A kernel.events.SealedParty as stored."""

    person: UUID
    sealed: bytes


class EventRecord(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """A kernel.events.CallEvent as stored."""

    call: UUID
    seq: int
    at: int
    kind: str
    tenant: UUID | None
    data: dict[str, Any]
    caller: SealedParty | None = None
    callee: SealedParty | None = None


class LegState(msgspec.Struct, frozen=True, array_like=True):
    """What ends one leg without its dialog object: the newest record of a leg counts.

    It names both parties, so the spool holds it as a SealedLeg.

    ``state`` "invited": an INVITE of ours is pending (CANCEL it); "incoming": an INVITE to us is
    pending (answer it 503); "confirmed": a dialog stands (BYE it); "ended": nothing to do.
    """

    call: UUID
    leg: UUID
    state: str
    transport: str
    """Transport and remote address: ``udp 192.0.2.1:5060``."""
    local_address: str
    """Listening address used: ``203.0.113.5:5060``."""
    call_id: str
    local_uri: str
    """From/To value of our side with tag."""
    remote_uri: str
    remote_target: str
    route_set: tuple[str, ...]
    cseq: int
    """Highest CSeq number we have used ("incoming": the pending INVITE's); CANCEL and a 503 use it
    as it is, BYE a higher one."""
    vias: tuple[str, ...] = ()
    """The pending INVITE's Via values: the response's, or our own with its branch."""


class RecoveryKey(msgspec.Struct, frozen=True, array_like=True, tag="k"):
    """The key of the SealedLegs that follow, sealed under the leaf of an item of the key store:
    what the spool says of peers opens only while that item lives, about a day."""

    item: UUID
    day: int
    """Day of the item's bucket."""
    sealed: bytes


class SealedLeg(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A LegState as stored."""

    call: UUID
    leg: UUID
    item: UUID
    """Of the RecoveryKey that opens it."""
    sealed: bytes


class Heartbeat(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """The node was alive at this moment; written every 5 s while calls live."""

    at: int


class CallLive(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Checkpoint at a segment's head: a call that is still live, with its last sequence number."""

    call: UUID
    tenant: UUID | None
    seq: int
    answered: bool
    alive_until: int = 0
    """Microseconds: the call was alive then; usage is billed at least up to here."""


Record = EventRecord | RecoveryKey | SealedLeg | Heartbeat | CallLive

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """Raises msgspec.ValidationError for bytes that are no record of this version."""
    return _decoder.decode(data)
