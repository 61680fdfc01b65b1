"""The offer/answer state of one leg: what was said, and what follows for its packets."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace

from ringfence.protocols import sdp
from ringfence.protocols.offer_answer import (
    AUDIO_CODECS,
    DEFAULT_CODECS,
    EVENT,
    Codec,
    DescriptionWriter,
    LocalAudio,
    NoCommonCodec,
    RemoteAudio,
    answer_direction,
    common,
    read_audio,
)


class Negotiation:
    """RFC 3264 for one leg. A description that is refused changes nothing."""

    def __init__(self, address: str, port: int) -> None:
        """``address`` and ``port``: where the peer reaches us."""
        self._address = sdp.Address(address)
        self._port = port
        self._writer = DescriptionWriter(secrets.randbits(62))
        self._theirs: sdp.SessionDescription | None = None
        self._offered: tuple[Codec, ...] = ()
        self._mux = False
        self.remote: RemoteAudio | None = None
        """The peer's side as agreed; None before the first exchange ended."""
        self.receive: dict[int, str] = {}
        """Codec name of each payload type that the peer may send."""

    @property
    def codec_names(self) -> Collection[str]:
        """What this leg can use, as far as its peer has told."""
        codecs = self.remote.codecs if self.remote is not None else DEFAULT_CODECS
        return [codec.name for codec in codecs]

    def offer(self, allowed: Collection[str] | None) -> bytes:
        """Our offer, restricted to the ``allowed`` codec names when given.

        Raises NoCommonCodec when no audio codec is left.
        """
        codecs = self._codecs(allowed)
        self._offered = codecs
        self.receive.update((codec.payload_type, codec.name) for codec in codecs)
        local = LocalAudio(self._address, self._port, codecs, rtcp_mux=self._mux)
        if self._theirs is None or self.remote is None:
            return self._writer.write(local)
        return self._writer.write(local, self._theirs.media, self.remote.index)

    def accept_offer(self, data: bytes) -> bytes:
        """Apply the peer's offer; our answer. Raises SdpError, NoCommonCodec."""
        description = sdp.parse(data)
        remote = read_audio(description)
        codecs = common(DEFAULT_CODECS, remote.codecs)
        self._mux = remote.rtcp_mux
        self._agree(description, remote, codecs, ())
        local = LocalAudio(
            self._address,
            self._port,
            codecs,
            answer_direction(remote.direction),
            remote.rtcp_mux,
        )
        return self._writer.write(local, description.media, remote.index)

    def accept_answer(self, data: bytes) -> None:
        """Apply the peer's answer to our offer. Raises SdpError, NoCommonCodec."""
        description = sdp.parse(data)
        remote = read_audio(description)
        codecs = common(self._offered, remote.codecs)
        self._agree(description, remote, codecs, self._offered)

    def _agree(
        self,
        description: sdp.SessionDescription,
        remote: RemoteAudio,
        codecs: tuple[Codec, ...],
        ours: Sequence[Codec],
    ) -> None:
        self._theirs = description
        self.remote = replace(remote, codecs=codecs)
        self.receive = {codec.payload_type: codec.name for codec in codecs}
        # A peer may send an event under our number or, wrongly but often, under its own.
        self.receive.update((codec.payload_type, codec.name) for codec in ours)

    def _codecs(self, allowed: Collection[str] | None) -> tuple[Codec, ...]:
        numbers = {codec.name: codec.payload_type for codec in DEFAULT_CODECS}
        if self.remote is not None:  # numbers, once in use, stay (RFC 3264 8.3.2)
            numbers.update((codec.name, codec.payload_type) for codec in self.remote.codecs)
        names = [n for n in (*AUDIO_CODECS, EVENT) if allowed is None or n in allowed]
        if not set(names) & set(AUDIO_CODECS):
            raise NoCommonCodec("no audio codec is left to offer")
        return tuple(Codec(name, numbers[name]) for name in names)
