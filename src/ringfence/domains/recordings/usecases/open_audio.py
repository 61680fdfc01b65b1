"""A recording is listened to: opened for the purpose in force, in pieces, never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal
from uuid import UUID

from ringfence.domains.recordings.contracts import (
    CustomerHeld,
    FormatUnavailable,
    RecordingDeleted,
    RecordingInfo,
    RecordingNotReady,
    TrackInfo,
    TrackNotFound,
)
from ringfence.domains.recordings.queries import get_recording
from ringfence.domains.recordings.rules.audio import stereo
from ringfence.domains.recordings.rules.states import DELETED, LOST, RECORDING
from ringfence.domains.recordings.track_file import object_key, object_store
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import CONTENT, SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.client import given
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import CutOff, Unreadable
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.objects import Leaf, open_object
from ringfence.platform.opus import encode_ogg_opus, opus_available
from ringfence.platform_django.keys import keys
from ringfence.platform_django.use import current_use
from ringfence.protocols import wav
from ringfence.protocols.g711 import decode_ulaw

Which = Literal["caller", "callee", "mixed"]
Format = Literal["wav", "opus"]


@dataclass(frozen=True, slots=True)
class Audio:
    """What is sent: ``length`` in bytes where it is known beforehand."""

    content_type: str
    suffix: str
    complete: bool
    length: int | None
    body: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class SealedTrack:
    """The sealed object of one track, as it is kept."""

    id: UUID
    length: int
    body: Iterator[bytes]


def open_audio(tenant_id: UUID, recording_id: UUID, which: Which, format_: Format) -> Audio:
    """One speaker's track, or both: the caller left, the callee right.

    Everything that can be refused is refused before this returns: the keys are asked for and the
    first chunk is open. Raises RecordingNotFound, TrackNotFound, RecordingNotReady,
    RecordingDeleted, CustomerHeld, FormatUnavailable, PurposeRequired, and KeyDestroyed, Refused,
    Unavailable.
    """
    if format_ == "opus" and not opus_available():
        raise FormatUnavailable("this installation has no libopus")
    info = get_recording(tenant_id, recording_id)
    tracks = _chosen(info, ("caller", "callee") if which == "mixed" else (which,))
    opened = _open(info, tracks)
    samples = max(track.samples or 0 for track in tracks)
    complete = all(track.complete for track in tracks)
    channels = 1
    if which == "mixed":
        of_role = dict(zip((track.role for track in tracks), opened, strict=True))
        body = stereo(of_role.get("caller", iter(())), of_role.get("callee", iter(())))
        channels = 2
    else:
        (body,) = opened
    if format_ == "opus":
        pcm = (decode_ulaw(piece).tobytes() for piece in body)
        return Audio("audio/ogg", "opus", complete, None, encode_ogg_opus(pcm, channels))
    return _wav(body, samples, channels, complete)


def _wav(body: Iterator[bytes], samples: int, channels: int, complete: bool) -> Audio:
    data_bytes = samples * channels
    head = wav.header(wav.Encoding.ULAW, data_bytes, channels=channels)
    pad = bytes(data_bytes % 2)
    length = len(head) + data_bytes + len(pad)
    return Audio("audio/wav", "wav", complete, length, chain([head], body, [pad]))


def open_track(info: RecordingInfo, track: TrackInfo) -> Audio:
    """One track, by itself. Raises RecordingNotReady, RecordingDeleted, CustomerHeld, and what a
    key raises."""
    if track.state == RECORDING:
        raise RecordingNotReady("the recording is not stored yet")
    (body,) = _open(info, [track])
    return _wav(body, track.samples or 0, 1, bool(track.complete))


def sealed_track(tenant_id: UUID, recording_id: UUID, track: Which) -> SealedTrack:
    """One track as it is kept, which a customer-held key opens; nothing is opened here.

    Raises RecordingNotFound, TrackNotFound, RecordingNotReady, RecordingDeleted.
    """
    info = get_recording(tenant_id, recording_id)
    (found,) = _chosen(info, (track,))
    if DELETED in (info.state, found.state):
        raise RecordingDeleted("the recording was deleted")
    store, key = object_store(), object_key(info.tenant_id, found.id, info.day)
    return SealedTrack(found.id, store.size(key), store.read(key))


def _chosen(info: RecordingInfo, roles: Sequence[str]) -> list[TrackInfo]:
    if info.deletion_reason is not None and info.state != DELETED:
        raise RecordingDeleted("the recording is being deleted")
    first = {track.role: track for track in reversed(info.tracks) if track.state != LOST}
    tracks = [first[role] for role in roles if role in first]
    if not tracks:
        raise TrackNotFound("the recording has no such track")
    if any(track.state == RECORDING for track in tracks):
        raise RecordingNotReady("the recording is not stored yet; try again in a minute")
    return tracks


def _open(info: RecordingInfo, tracks: Sequence[TrackInfo]) -> list[Iterator[bytes]]:
    """The samples of each track; one audit record. Where the customer alone holds the keys there
    is nothing to ask for."""
    if info.custody == "customer" and info.state != DELETED:
        raise CustomerHeld("only your private key opens this recording: take the sealed object")
    use = current_use()
    bucket = Bucket(CONTENT, info.rule, info.day)
    refs = {track.id: LeafRef(bucket, items=(track.id,)) for track in tracks}
    objects = [public_id(Prefix.RECORDING, info.id), public_id(Prefix.CALL, info.call_id)]
    client = keys()

    def ask() -> dict[LeafRef, bytes | RingfenceError]:
        return client.leaves(
            info.tenant_id, use.purpose, refs.values(), actor=use.actor, objects=objects
        )

    def still_allowed() -> None:
        """A slow listener hears no more than a lease permits, and nothing that was destroyed."""
        if not client.has(info.tenant_id, use.purpose, refs.values()):
            for leaf in ask().values():
                given(leaf)

    leaves = ask()
    opened = []
    for track in tracks:
        leaf = given(leaves[refs[track.id]])
        if DELETED in (info.state, track.state):
            raise RecordingDeleted("the recording was deleted")
        field = SealedFieldNumber.RECORDING_TRACK
        place = Place(info.tenant_id, field, track.id, track.person_id, bucket)
        pieces = object_store().read(object_key(info.tenant_id, track.id, info.day))
        chunks = open_object(pieces, Leaf(leaf, place))
        opened.append(_samples(_while(still_allowed, chunks), track))
    return opened


def _while(allowed: Callable[[], None], chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Each chunk only if its key may still be used when it is asked for."""
    for chunk in chunks:
        allowed()
        yield chunk


def _samples(chunks: Iterator[bytes], track: TrackInfo) -> Iterator[bytes]:
    """The first chunk is opened now: what does not open at all is told before anything is sent."""
    try:
        first = next(chunks)
        start = wav.parse(first).data_start
    except CutOff:
        if track.complete:
            raise
        return iter(())  # its end came before its first chunk
    except wav.WavError:
        raise Unreadable("the track is no WAV stream") from None
    return chain([first[start:]], _rest(chunks, track))


def _rest(chunks: Iterator[bytes], track: TrackInfo) -> Iterator[bytes]:
    try:
        yield from chunks
    except CutOff:
        if track.complete:
            raise
