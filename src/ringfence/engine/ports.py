"""What the engine asks of others, as typed messages: call control decisions and media.

These are the only words that ``signalling`` and ``control`` share, and that ``signalling`` shares
with the media processes. All are MessagePack over platform.rpc; ids of our objects are UUIDs.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

from ringfence.engine.verbs.model import DialTarget, Facts, Program

# --- call control -------------------------------------------------------------------------------


class NumberFormat(msgspec.Struct, frozen=True, array_like=True):
    """How one trunk writes telephone numbers.

    Inbound text is turned to E.164 (``+`` and digits): ``strip_prefix`` is cut off, then a number
    starting with ``international_prefix`` or ``+`` is taken as international, one starting with
    ``national_prefix`` or with neither as national of ``country_code``. Outbound: ``style`` says
    whether ``+`` is written, omitted, or the number is written nationally when it is of
    ``country_code``; ``add_prefix`` is put in front.
    """

    country_code: str = "1"
    national_prefix: str = "1"
    international_prefix: str = "011"
    strip_prefix: str = ""
    style: Literal["e164", "no_plus", "national"] = "e164"
    add_prefix: str = ""


class TrunkConfig(msgspec.Struct, frozen=True):
    """One trunk as the call plane needs it."""

    id: UUID
    tenant: UUID | None
    """None: operator-owned, the tenant is found by the dialled number."""
    name: str
    sources: tuple[str, ...] = ()
    """Networks (CIDR) whose requests belong to this trunk."""
    username: str | None = None
    """Digest user name that the trunk authenticates with towards us (inbound)."""
    ha1_md5: str | None = None
    ha1_sha256: str | None = None
    """H(username:realm:password) for the installation's realm, hex."""
    peer_host: str | None = None
    """Where calls to this trunk go; None: the trunk takes no outbound calls."""
    peer_port: int = 5060
    peer_transport: Literal["udp", "tcp"] = "udp"
    auth_username: str | None = None
    """Digest credentials we answer the peer's challenge with (outbound)."""
    auth_password: str | None = None
    format: NumberFormat = NumberFormat()
    max_calls_per_second: int | None = None
    max_channels: int | None = None
    """Limits over both directions; None is unlimited."""


class DeviceConfig(msgspec.Struct, frozen=True):
    """A device that may register, as the call plane needs it."""

    id: UUID
    tenant: UUID
    username: str
    """Of the installation, unique; also the user of its address of record."""
    ha1_md5: str
    ha1_sha256: str
    """H(username:realm:password), hex."""


class ConfigSnapshot(msgspec.Struct, frozen=True):
    """All configuration that the call plane keeps in memory."""

    version: int
    trunks: tuple[TrunkConfig, ...]
    devices: tuple[DeviceConfig, ...] = ()


class ConfigRequest(msgspec.Struct, frozen=True):
    """RPC ``config``: reply is a ConfigSnapshot, or None when ``known_version`` is current."""

    known_version: int | None = None


class RouteRequest(msgspec.Struct, frozen=True):
    """RPC ``route``: what should happen to this call?"""

    call: UUID
    trunk: UUID
    caller: str
    """E.164, or empty when withheld or unparsable."""
    called: str
    """E.164, or the user part as it came when it is no number."""
    at: int
    """Microseconds since the Unix epoch."""


class OriginateRequest(msgspec.Struct, frozen=True):
    """RPC ``originate``: begin a call on behalf of a tenant.

    To ``signalling`` (reply None when the call is in the journal; the same id again changes
    nothing), which asks ``control`` the same (reply RouteDecision with ``first``). Error codes of
    control: ``target_invalid``, ``caller_id_refused``, ``flow_not_found``, ``wallet_empty``, and
    those of ProgramRequest.
    """

    tenant: UUID
    call: UUID
    to: str
    """E.164, a SIP URI, or the public id of a device."""
    caller_id: str
    """E.164 of a number of the tenant."""
    flow: UUID | None = None
    url: str | None = None
    """Exactly one of flow, url and say: what the answering side gets."""
    timeout_seconds: int = 30
    say: str | None = None
    """A text for one person, spoken twice: neither kept nor logged, and the call not recorded."""


class ProgramRequest(msgspec.Struct, frozen=True):
    """RPC ``program`` to ``control``: the published version of a flow, or the document at a URL.

    Reply: Program. Error codes: ``flow_not_found``, ``flow_not_published``,
    ``document_unreachable`` (DNS, connection, timeout, status), ``document_refused``
    (address or redirect not allowed), ``document_too_large``, ``document_invalid``.
    """

    tenant: UUID
    call: UUID
    flow: UUID | None = None
    url: str | None = None
    method: Literal["GET", "POST"] = "POST"
    params: dict[str, str] = {}
    """What is told to the server of a document."""


Custody = Literal["platform", "customer"]
"""Who opens a track: ``customer``, the customer's keys alone; it has no wrap for the platform."""


class RecordingPlan(msgspec.Struct, frozen=True):
    """How a call is recorded, from its answer on; one track per speaker."""

    basis: str
    """The rule that decided about the prompt, as the journal shall name it."""
    prompt: str | None = None
    """Media source that both parties hear to its end before anything is recorded; None where the
    rule asks for no prompt."""
    gap: Literal["silence", "tone"] = "silence"
    """What stands in the tracks while recording is paused."""
    customer_keys: tuple[str, ...] = ()
    """Public keys (PEM) that each track's key is wrapped to before its first byte."""
    rule: str = "recordings"
    """Retention rule of the tracks."""
    custody: Custody = "platform"
    refused: str = ""
    """Why nothing is recorded that was to be, as the journal shall say it; empty: it is."""


class RouteDecision(msgspec.Struct, frozen=True):
    """The tenant that the call belongs to and what to do; tenant None only with Reject."""

    tenant: UUID | None
    number: UUID | None
    program: Program
    facts: Facts = Facts()
    max_seconds: int | None = None
    recording: RecordingPlan | None = None
    """Of conversations; None: not recorded."""
    recording_later: RecordingPlan | None = None
    """Of conversations that a program makes which comes later: nobody knows yet with whom."""
    message: RecordingPlan | None = None
    """Of messages, which are left after a beep; None: none can be left."""
    emergency: bool = False
    """The call is put through whatever else fails."""
    first: DialTarget | None = None
    """Whom an originated call rings first."""


class CallCommand(msgspec.Struct, frozen=True):
    """RPC ``command`` to ``signalling``: what its tenant wants of a live call; reply None.

    Error codes: ``call_not_live`` (also for another tenant's call), ``call_state`` (not possible
    now, such as resuming what is not paused).
    """

    tenant: UUID
    call: UUID
    action: Literal[
        "pause_recording",
        "resume_recording",
        "stop_recording",
        "bar_recording",
        "redirect",
        "hang_up",
    ]
    """``bar_recording``: stop, and record nothing of this call any more."""
    flow: UUID | None = None
    url: str | None = None
    """redirect: exactly one of them."""


class CallControl(Protocol):
    """The decisions that signalling asks ``control`` for. Raises platform.rpc.RpcUnavailable."""

    async def config(self, known_version: int | None) -> ConfigSnapshot | None: ...

    async def route(self, request: RouteRequest) -> RouteDecision: ...

    async def originate(self, request: OriginateRequest) -> RouteDecision: ...

    async def program(self, request: ProgramRequest) -> Program: ...


# --- speech -------------------------------------------------------------------------------------


class SpeechRequest(msgspec.Struct, frozen=True):
    """RPC ``render`` on settings.speech_socket: speak a text; reply SpeechReply.

    Error codes: ``speech_text`` (empty, too long, nothing that can be spoken), ``speech_voice``.
    """

    text: str
    voice: str = ""
    language: str = "en-US"
    personal: bool = False
    """Nothing of it may outlive the reply."""


class SpeechReply(msgspec.Struct, frozen=True):
    """A media source for PlayRequest: ``source`` of a cached file, else ``audio``."""

    seconds: float
    source: str = ""
    audio: bytes = b""
    """Mu-law, 8 kHz."""


class Speech(Protocol):
    """Text to speech. Raises platform.rpc.RpcUnavailable, RpcError with the codes above."""

    async def render(self, request: SpeechRequest) -> SpeechReply: ...


# --- media --------------------------------------------------------------------------------------

Session = UUID
"""The call's id: everything of one call is in one session, on one worker."""
Leg = UUID


class LegStats(msgspec.Struct, frozen=True):
    """What one leg's RTP looked like, from our ear (``rx``) and from the peer's RTCP reports."""

    codec: str | None = None
    rx_packets: int = 0
    rx_octets: int = 0
    rx_lost: int = 0
    """Expected minus received by sequence number, RFC 3550 A.3; never below 0."""
    rx_jitter_ms: float = 0.0
    tx_packets: int = 0
    tx_octets: int = 0
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    rtt_ms: float | None = None
    mos: float | None = None
    """Listening quality 1.0-4.5 by the E-model (ITU-T G.107) from loss, jitter and delay."""


class OfferRequest(msgspec.Struct, frozen=True):
    """RPC ``offer``: make our SDP offer for a leg (created when new; a re-offer otherwise).

    Reply: bytes (SDP). ``like`` restricts the codecs to those another leg of the session can use.
    """

    session: Session
    leg: Leg
    like: Leg | None = None


class AnswerRequest(msgspec.Struct, frozen=True):
    """RPC ``answer``: apply the peer's SDP to a leg (created when new).

    ``kind`` "offer": the peer offered; reply is our SDP answer (bytes). ``kind`` "answer": the peer
    answered our offer; reply is empty bytes. Error codes: ``sdp_invalid``, ``no_common_codec``,
    ``no_ports``, ``unknown_leg``.
    """

    session: Session
    leg: Leg
    sdp: bytes
    kind: Literal["offer", "answer"]


class ConnectRequest(msgspec.Struct, frozen=True):
    """RPC ``connect``: relay audio and RFC 4733 events between two legs; reply None.

    Replaces any earlier connection of either leg; ``b`` None only disconnects ``a``.
    """

    session: Session
    a: Leg
    b: Leg | None


class PlayRequest(msgspec.Struct, frozen=True):
    """RPC ``play``: send audio to a leg instead of what it is connected to; reply None.

    ``source``: "tone:440" (Hz, continuous), "ringback:us", "silence", "beep" (1 kHz, 0.4 s),
    "audio" (the octets of ``audio``), or "file:PATH" (WAV, 8 kHz mono, 16-bit or mu-law). "stop"
    ends what is playing. When what is finite ends, a MediaEvent "play_done" with ``play`` follows.
    """

    session: Session
    leg: Leg
    source: str
    audio: bytes = b""
    """Mu-law, 8 kHz."""
    loop: int = 1
    """How often a finite source is played; 0: for ever."""
    play: int = 0
    """Comes back in the event."""


class DtmfRequest(msgspec.Struct, frozen=True):
    """RPC ``dtmf``: send digits to a leg as RFC 4733 events; reply None when queued."""

    session: Session
    leg: Leg
    digits: str
    duration_ms: int = 100


class TrackRequest(msgspec.Struct, frozen=True):
    """RPC ``subscribe``: write what a leg's peer says to a sealed track; reply None.

    The reply comes when the track's key is durable and its first frame is on its way to the file.
    The track begins with the reply and keeps the session's time: what is not heard is silence.
    Error codes: ``unknown_leg``, ``track_exists``, ``keys_unavailable``, and those of the keys.
    """

    session: Session
    leg: Leg
    track: UUID
    """Also the item whose key seals it."""
    tenant: UUID
    person: UUID
    """Whose voice it is."""
    day: int
    """Day of the bucket (platform.keys.names.day_number)."""
    rule: str = "recordings"
    gap: Literal["silence", "tone"] = "silence"
    customer_keys: tuple[str, ...] = ()
    custody: Custody = "platform"
    quiet_seconds: float = 0.0
    """Not 0: a MediaEvent "quiet" when the peer has said nothing for so long; once."""


class TrackCommand(msgspec.Struct, frozen=True):
    """RPC ``track``: pause, resume or complete a track of a session; reply: TrackStats.

    Repeating a command changes nothing. Error code: ``unknown_track``.
    """

    session: Session
    track: UUID
    action: Literal["pause", "resume", "stop"]


class TrackStats(msgspec.Struct, frozen=True):
    """How far a track is. ``complete``: its last chunk is on disk."""

    duration_ms: int
    bytes: int
    complete: bool


class SessionRequest(msgspec.Struct, frozen=True):
    """RPC ``stats`` and ``delete``: of a session, or one leg of it. Reply: SessionStats.

    ``delete`` frees ports and returns the final figures; an unknown session gives an empty reply.
    """

    session: Session
    leg: Leg | None = None


class SessionStats(msgspec.Struct, frozen=True):
    """Figures of each leg of a session, and of each track that its deletion completed."""

    legs: dict[UUID, LegStats] = {}
    tracks: dict[UUID, TrackStats] = {}


class HelloRequest(msgspec.Struct, frozen=True):
    """RPC ``hello``: first request on a connection. Sessions of other epochs are deleted."""

    epoch: str


class WorkerInfo(msgspec.Struct, frozen=True):
    """Reply to ``hello``."""

    worker: int
    pid: int
    ports: int
    """RTP/RTCP port pairs this worker owns."""


class MediaEvent(msgspec.Struct, frozen=True):
    """Notification ``event`` from a worker."""

    session: Session
    leg: Leg
    kind: Literal["dtmf", "silence", "play_done", "first_packet", "track_failed", "quiet"]
    data: dict[str, Any] = {}
    """dtmf: {"digit", "duration_ms"}; silence: {"seconds"}; play_done: {"play"}; track_failed:
    {"track" (hex)}: the disk or the keys refused it, what is on disk stays readable up to there;
    quiet: {"track" (hex), "spoken" (bool): whether anything was said before}."""


class MediaPort(Protocol):
    """Media as the call engine sees it. One session stays on one worker.

    Every method raises MediaLost when the session's worker died, RpcError with the codes above
    when it refuses, RpcUnavailable when it does not answer in time.
    """

    async def offer(self, session: Session, leg: Leg, *, like: Leg | None = None) -> bytes: ...

    async def answer(
        self, session: Session, leg: Leg, sdp: bytes, kind: Literal["offer", "answer"]
    ) -> bytes: ...

    async def connect(self, session: Session, a: Leg, b: Leg | None) -> None: ...

    async def play(
        self,
        session: Session,
        leg: Leg,
        source: str,
        *,
        audio: bytes = b"",
        loop: int = 1,
        play: int = 0,
    ) -> None: ...

    async def send_dtmf(
        self, session: Session, leg: Leg, digits: str, duration_ms: int = 100
    ) -> None: ...

    async def subscribe(self, request: TrackRequest) -> None: ...

    async def track(
        self, session: Session, track: UUID, action: Literal["pause", "resume", "stop"]
    ) -> TrackStats: ...

    async def stats(self, session: Session) -> SessionStats: ...

    async def delete(self, session: Session, leg: Leg | None = None) -> SessionStats: ...
