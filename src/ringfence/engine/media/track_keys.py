"""The keys of tracks, asked of the process ``keys`` by the media process itself."""

from __future__ import annotations

import asyncio

from ringfence.engine.media.errors import KeysUnavailable
from ringfence.engine.ports import TrackRequest
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.fields import CONTENT, SealedFieldNumber
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.messages import SEAL
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.objects import Leaf
from ringfence.platform.keys.persons import NewItem

_SECONDS = 5.0


def track_place(request: TrackRequest) -> Place:
    """What the track's object is bound to."""
    bucket = Bucket(CONTENT, request.rule, request.day)
    number = SealedFieldNumber.RECORDING_TRACK
    return Place(request.tenant, number, request.track, request.person, bucket)


class TrackKeys:
    """Makes the item key of a track and gives its leaf."""

    def __init__(self, client: KeyClient) -> None:
        self._client = client

    async def leaf(self, request: TrackRequest) -> Leaf:
        """Durable when this returns. Raises KeysUnavailable, and the errors of the keys."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._leaf(request)
        except (Unavailable, TimeoutError):
            raise KeysUnavailable("the process keys cannot be reached") from None

    async def _leaf(self, request: TrackRequest) -> Leaf:
        place = track_place(request)
        ref = LeafRef(Bucket(CONTENT, request.rule, request.day), items=(request.track,))
        item = NewItem(request.track, (request.person,), ref.bucket)
        await self._client.resolve(request.tenant, [], [item])
        key = self._client.sealing_leaf(request.tenant, ref)
        if key is not None:
            return Leaf(key, place)
        # a key died meanwhile, which empties every cache
        return await self._client.object_leaf(request.tenant, SEAL, ref, place, actor="media")
