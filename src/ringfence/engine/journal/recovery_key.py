"""What seals the legs' states in the spool, so that only a restart of this node can read them."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ringfence.engine.journal.records import LegState, RecoveryKey, SealedLeg
from ringfence.kernel.fields import INSTALLATION, NODE, RECOVERY, SealedFieldNumber
from ringfence.platform.keys import crypto
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LegState)


def bucket_of(day: int) -> Bucket:
    """Where the keys of one day's items come from."""
    return Bucket(RECOVERY, NODE, day=day)


def place_of(row: UUID, day: int) -> Place:
    """Of a RecoveryKey (row: its item), or of a leg's state (row: the leg)."""
    return Place(INSTALLATION, SealedFieldNumber.RECOVERY, row, None, bucket_of(day))


class LegSealer:
    """Seals the states of legs with a key that exists here and, sealed, in the spool."""

    def __init__(self, record: RecoveryKey, key: bytes) -> None:
        self.record = record
        self._key = key

    def seal(self, state: LegState) -> SealedLeg:
        place = place_of(state.leg, self.record.day)
        sealed = crypto.seal(self._key, place, _encoder.encode(state))
        return SealedLeg(state.call, state.leg, self.record.item, sealed)

    def open(self, sealed: SealedLeg) -> LegState:
        """Raises Unreadable for a record of another key, leg or day, or a damaged one."""
        place = place_of(sealed.leg, self.record.day)
        return _decoder.decode(crypto.open_sealed(self._key, place, sealed.sealed))
