"""What a spool says about the calls that its writer left behind."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from ringfence.engine.journal.records import (
    CallLive,
    EventRecord,
    Heartbeat,
    LegState,
    Record,
    RecoveryKey,
    SealedLeg,
    decode,
)
from ringfence.engine.journal.recovery_key import LegSealer
from ringfence.kernel.events import EventKind
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.spool import Position, SpoolCorrupt, SpoolReader

_BATCH = 1000
_log = logging.getLogger("ringfence.journal")


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call with something left to do: to be ended, or only to be taken off the wire."""

    call: UUID
    tenant: UUID | None
    seq: int
    """Of its last event; the next one is one higher."""
    answered: bool
    alive_until: int
    """Microseconds: its last event or the last heartbeat after it, whichever is later."""
    legs: tuple[LegState, ...]
    """The newest state of each leg that is not over."""
    unended: tuple[UUID, ...] = ()
    """Legs, on the wire or not, whose end the journal does not tell."""
    open: bool = True
    """False: it has its ``call.ended``, or never had an event; only its legs are left."""


@dataclass(slots=True)
class _Call:
    tenant: UUID | None
    seq: int
    answered: bool
    alive_until: int
    unended: dict[UUID, None] = field(default_factory=dict)
    ended: set[UUID] = field(default_factory=set)


def recovery_keys(reader: SpoolReader) -> list[RecoveryKey]:
    """The sealed keys that the spool's legs need. Blocking."""
    found = {r.item: r for r in _records(reader) if isinstance(r, RecoveryKey)}
    return list(found.values())


def recover(reader: SpoolReader, sealers: Mapping[UUID, LegSealer]) -> list[LiveCall]:
    """The calls still open in the whole spool, oldest first. Blocking.

    ``sealers`` by item. Damaged places, and legs whose key is gone, are logged and passed over:
    what is readable still ends its calls.
    """
    return open_calls(_opened(_records(reader), sealers))


def _opened(
    records: Iterable[Record], sealers: Mapping[UUID, LegSealer]
) -> Iterator[Record | LegState]:
    lost = 0
    for record in records:
        if not isinstance(record, SealedLeg):
            yield record
            continue
        sealer = sealers.get(record.item)
        try:
            if sealer is not None:
                yield sealer.open(record)
                continue
        except (Unreadable, msgspec.MsgspecError):
            pass
        lost += 1
    if lost:
        _log.error("legs in the spool cannot be read", extra={"kv": {"records": lost}})


def open_calls(records: Iterable[Record | LegState]) -> list[LiveCall]:
    """The calls that ``records``, in spool order, leave without an end.

    A call begins with its first event or a checkpoint; other records of a call that is not open
    belong to one that has ended in a segment deleted since.
    """
    calls: dict[UUID, _Call] = {}
    legs: dict[UUID, dict[UUID, LegState]] = {}
    ended: set[UUID] = set()
    heartbeat = 0
    for record in records:
        match record:
            case Heartbeat(at):
                heartbeat = max(heartbeat, at)
                for call in calls.values():
                    call.alive_until = max(call.alive_until, at)
            case LegState():
                _apply_leg(legs, record)
            case EventRecord():
                if record.kind == EventKind.CALL_ENDED:
                    calls.pop(record.call, None)
                    ended.add(record.call)
                elif record.call not in ended:
                    _apply_event(calls, record)
            case CallLive():
                if record.call not in ended:
                    _apply_checkpoint(calls, record, heartbeat)
    loose = [
        LiveCall(id_, None, 0, False, 0, tuple(states.values()), open=False)
        for id_, states in legs.items()
        if id_ not in calls
    ]
    return loose + [_live(id_, call, legs.get(id_, {})) for id_, call in calls.items()]


def _live(id_: UUID, call: _Call, legs: dict[UUID, LegState]) -> LiveCall:
    known = call.unended | dict.fromkeys(legs)
    return LiveCall(
        call=id_,
        tenant=call.tenant,
        seq=call.seq,
        answered=call.answered,
        alive_until=call.alive_until,
        legs=tuple(legs.values()),
        unended=tuple(leg for leg in known if leg not in call.ended),
    )


def _apply_leg(legs: dict[UUID, dict[UUID, LegState]], state: LegState) -> None:
    states = legs.setdefault(state.call, {})
    if state.state == "ended":
        states.pop(state.leg, None)
        if not states:
            del legs[state.call]
    else:
        states[state.leg] = state


def _apply_event(calls: dict[UUID, _Call], event: EventRecord) -> None:
    call = calls.get(event.call)
    if call is None:
        if event.seq != 1:
            return
        call = calls[event.call] = _Call(event.tenant, 0, False, 0)
    call.tenant = event.tenant or call.tenant
    call.seq = max(call.seq, event.seq)
    call.answered = call.answered or event.kind == EventKind.CALL_ANSWERED
    call.alive_until = max(call.alive_until, event.at)
    if event.kind == EventKind.LEG_CREATED:
        call.unended[UUID(hex=event.data["leg"])] = None
    elif event.kind == EventKind.LEG_ENDED:
        call.ended.add(UUID(hex=event.data["leg"]))


def _apply_checkpoint(calls: dict[UUID, _Call], live: CallLive, heartbeat: int) -> None:
    """``heartbeat``: the last one before; a call that was live then or later outlived it."""
    alive_until = max(live.alive_until, heartbeat)
    known = calls.get(live.call)
    if known is None:
        calls[live.call] = _Call(live.tenant, live.seq, live.answered, alive_until)
        return
    known.tenant = live.tenant or known.tenant
    known.seq = max(known.seq, live.seq)
    known.answered = known.answered or live.answered
    known.alive_until = max(known.alive_until, alive_until)


def _records(reader: SpoolReader) -> Iterator[Record]:
    position = Position(0, 0)
    while True:
        try:
            batch = reader.read(position, _BATCH)
        except SpoolCorrupt as damage:
            _log.error("spool damaged", extra={"kv": damage.details})
            position = damage.resume
            continue
        if not batch:
            return
        for position, data in batch:
            try:
                yield decode(data)
            except msgspec.MsgspecError:
                _log.error("spool record not understood", extra={"kv": {"position": position}})
