"""Which calls a spool leaves open, and until when they lived."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.journal.records import (
    CallLive,
    EventRecord,
    Heartbeat,
    LegState,
    Record,
    RecoveryKey,
    encode,
)
from ringfence.engine.journal.recovery import LiveCall, open_calls, recover, recovery_keys
from ringfence.engine.journal.recovery_key import LegSealer
from ringfence.platform.spool import SpoolReader, SpoolWriter

CALL, OTHER, TENANT, LEG = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)


def event(seq: int, kind: str, at: int, call: UUID = CALL, **data: Any) -> EventRecord:
    return EventRecord(call, seq, at, kind, TENANT if seq > 1 else None, data)


def leg_state(state: str, cseq: int, leg: UUID = LEG, call: UUID = CALL) -> LegState:
    return LegState(
        call, leg, state, "udp 127.0.0.1:5060", "127.0.0.2:5060", "id", "l", "r", "t", (), cseq
    )


STORY: list[Record | LegState] = [
    event(1, "call.started", 100),
    leg_state("incoming", 1),
    Heartbeat(150),
    event(2, "call.routed", 200),
    event(3, "call.answered", 300),
    leg_state("confirmed", 2),
    Heartbeat(5_000),
]
OPEN = LiveCall(CALL, TENANT, 3, True, 5_000, (leg_state("confirmed", 2),), (LEG,))


def test_an_open_call_has_its_newest_state() -> None:
    assert open_calls(STORY) == [OPEN]
    assert open_calls(STORY[:4]) == [
        LiveCall(CALL, TENANT, 2, False, 200, (leg_state("incoming", 1),), (LEG,))
    ]


def test_an_ended_call_stays_ended() -> None:
    end = event(4, "call.ended", 400)
    late: list[Record | LegState] = [
        leg_state("confirmed", 3),
        event(5, "leg.ended", 500),
        Heartbeat(900),
    ]
    loose = LiveCall(CALL, None, 0, False, 0, (leg_state("confirmed", 3),), open=False)
    assert open_calls([*STORY, end, *late]) == [loose]
    assert open_calls([end, *late]) == [loose]  # its beginning stood in a deleted segment
    assert open_calls([*STORY, end, *late, leg_state("ended", 3)]) == []


def test_each_leg_is_ended_once() -> None:
    """Also one that is off the wire already, and not one that is still on it but was given up."""
    gone, given_up = UUID(int=7), UUID(int=8)
    story: list[Record | LegState] = [
        *STORY,
        event(4, "leg.created", 400, leg=gone.hex),
        event(5, "leg.created", 401, leg=given_up.hex),
        leg_state("invited", 1, leg=gone),
        leg_state("invited", 1, leg=given_up),
        event(6, "leg.ended", 402, leg=given_up.hex),
        leg_state("ended", 1, leg=gone),
    ]
    (call,) = open_calls(story)
    assert set(call.unended) == {LEG, gone}
    assert {state.leg for state in call.legs} == {LEG, given_up}


def test_the_last_event_counts_when_no_heartbeat_came_after() -> None:
    assert open_calls([*STORY, event(4, "leg.held", 7_000)])[0].alive_until == 7_000


def test_a_checkpoint_replaces_all_segments_before_it() -> None:
    checkpoint: list[Record | LegState] = [
        CallLive(CALL, TENANT, 3, True, 5_000),
        leg_state("confirmed", 2),
    ]
    assert open_calls(checkpoint) == [OPEN]
    assert open_calls([*STORY, *checkpoint]) == [OPEN]
    assert open_calls([*checkpoint, Heartbeat(6_000)]) == [replace(OPEN, alive_until=6_000)]


def test_a_heartbeat_at_the_head_of_a_segment_counts_for_its_checkpoint() -> None:
    head: list[Record | LegState] = [Heartbeat(5_000), CallLive(CALL, TENANT, 3, True)]
    assert open_calls([*head, leg_state("confirmed", 2)]) == [OPEN]


def test_legs_are_kept_apart() -> None:
    other = leg_state("invited", 7, leg=UUID(int=9))
    assert open_calls([*STORY, other])[0].legs == (leg_state("confirmed", 2), other)


@given(cut=st.integers(0, len(STORY)), again=st.integers(0, len(STORY)))
def test_records_written_twice_change_nothing(cut: int, again: int) -> None:
    """After a disk error a writer repeats what it does not know to be written."""
    repeated = [*STORY[:cut], *STORY[min(cut, again) : cut], *STORY[cut:]]
    (call,) = open_calls(repeated)
    assert (call.seq, call.answered, call.alive_until) == (3, True, 5_000)
    assert call.legs == OPEN.legs


KEY = LegSealer(RecoveryKey(UUID(int=8), 20_000, b"sealed"), bytes(32))
KEYS = {KEY.record.item: KEY}


async def test_recover_reads_the_whole_spool_and_skips_what_it_cannot_read(tmp_path: Path) -> None:
    assert recover(SpoolReader(tmp_path / "missing"), KEYS) == []
    writer = SpoolWriter(tmp_path, segment_bytes=200)
    writer.append(encode(KEY.record))
    for record in STORY:
        writer.append(encode(KEY.seal(record) if isinstance(record, LegState) else record))
        writer.append(msgspec.msgpack.encode(["from", "a", "later", "version"]))
        await writer.durable()
    await writer.close()
    assert recover(SpoolReader(tmp_path), KEYS) == [OPEN]
    first = min(tmp_path.glob("*.seg"))
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    content += content[16:80]
    first.write_bytes(content)
    assert recover(SpoolReader(tmp_path), KEYS) == [OPEN]
    assert recovery_keys(SpoolReader(tmp_path)) == [KEY.record]


async def test_without_its_key_a_leg_says_nothing(tmp_path: Path) -> None:
    """The calls are still closed; only what would take them off the wire is lost."""
    writer = SpoolWriter(tmp_path)
    peer = b"sip:+14155550123@198.51.100.7"
    state = leg_state("confirmed", 2)
    state = msgspec.structs.replace(state, remote_uri=peer.decode())
    for record in (*STORY, state):
        writer.append(encode(KEY.seal(record) if isinstance(record, LegState) else record))
    await writer.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("*.seg"))
    assert b"call.answered" in content and peer not in content
    assert recover(SpoolReader(tmp_path), KEYS)[0].legs == (state,)
    lost = replace(OPEN, legs=(), unended=())
    assert recover(SpoolReader(tmp_path), {}) == [lost]
    other = LegSealer(KEY.record, bytes(31) + b"1")
    assert recover(SpoolReader(tmp_path), {KEY.record.item: other}) == [lost]
