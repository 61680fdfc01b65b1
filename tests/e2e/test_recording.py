"""Recording of real calls: consent on the wire, one voice per track, gaps, ends, deletion."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.e2e.harness.capture import Capture, Rtp
from tests.e2e.harness.ears import listen
from tests.e2e.harness.installation import Tenant
from tests.e2e.harness.world import World, moment

from ringfence.entry.phone import Call, Phone

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

pytestmark = pytest.mark.e2e

CALLER_TONE, CALLEE_TONE = 440, 1230
NEW_YORK, TEXAS, CALIFORNIA = "+1212555", "+1713555", "+1415555"
PROMPT = Path(__file__).parents[2] / "src/ringfence/domains/recordings/prompts"
OPENER = Path(__file__).parents[2] / "tools" / "ringfence_open.py"


@dataclass
class Recorded:
    """A tenant whose calls are recorded."""

    world: World
    tenant: Tenant

    def number(self, target: str) -> str:
        return replace(self.world, tenant=self.tenant).number(target)

    def request(self, method: str, path: str, **headers: str) -> tuple[int, Any, bytes]:
        """Status, headers and body of a request with the tenant's key."""
        port = self.world.installation.web_port
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1{path}",
            method=method,
            headers={"Authorization": f"Bearer {self.tenant.secret}", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path: str) -> Any:
        status, _, body = self.request("GET", path)
        assert status == 200, body
        return json.loads(body)

    async def stored(self, call: str) -> dict[str, Any]:
        """The one recording of a call, once its tracks are where they are kept."""
        return await self._recording(call, lambda found: found["state"] == "stored")

    async def _recording(
        self, call: str, condition: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        async with asyncio.timeout(40):
            while True:
                listed = await asyncio.to_thread(self.get, f"/recordings?call={call}")
                found: list[dict[str, Any]] = listed["recordings"]
                if found and condition(found[0]):
                    assert len(found) == 1
                    return found[0]
                await asyncio.sleep(0.2)

    def audio(self, recording: str, track: str) -> np.ndarray[Any, Any]:
        """Samples of a track as the API plays it, by an independent reader."""
        status, _, body = self.request("GET", f"/recordings/{recording}/audio?track={track}")
        assert status == 200, body
        return samples(body)


def samples(wav: bytes) -> np.ndarray[Any, Any]:
    """Samples of a WAV file (µ-law or 16-bit); columns are channels."""
    at = wav.index(b"fmt ")
    form, channels = (int.from_bytes(wav[at + 8 + n : at + 10 + n], "little") for n in (0, 2))
    if form == 7:
        data = wav[wav.index(b"data") + 8 :]
        data = data[: len(data) // channels * channels]
        return np.frombuffer(audioop.ulaw2lin(data, 2), "<i2").reshape(-1, channels)
    with wave.open(io.BytesIO(wav)) as file:
        raw = file.readframes(file.getnframes())
        return np.frombuffer(raw, "<i2").reshape(-1, file.getnchannels())


def tones(track: np.ndarray[Any, Any], window: int = 1600) -> list[int | None]:
    """The dominant frequency (Hz, to 5) of each 200 ms; None where it is silent."""
    found: list[int | None] = []
    track = track.reshape(-1)
    for start in range(0, len(track) - window + 1, window):
        part = track[start : start + window].astype(float)
        if np.sqrt(np.mean(part**2)) < 50:
            found.append(None)
        else:
            peak = int(np.argmax(np.abs(np.fft.rfft(part * np.hanning(window)))))
            found.append(round(peak * 8000 / window))
    return found


@pytest.fixture
def recorded(world: World) -> Recorded:
    made = world.installation.cli("tenant", "create", "Recorded")
    world.installation.cli("recording", "enable", "--tenant", made["id"], plain=True)
    scopes = ("calls:read", "audit:read", "recordings:read", "recordings:write")
    named = [argument for scope in scopes for argument in ("--scope", scope)]
    key = world.installation.cli("key", "create", "--tenant", made["id"], *named)
    return Recorded(world, Tenant(made["id"], key["api_key"]))


def trunk_to(world: World, phone: Phone) -> str:
    host, port = phone.uri.partition("@")[2].split(":")
    name = f"desk-{host}-{port}"
    made = world.installation.cli(
        "trunk", "create", name, "--operator", "--peer", f"udp:{host}:{port}"
    )
    return str(made["id"])


async def connected(
    recorded: Recorded, alice: Phone, bob: Phone, *, caller: str, target: str | None = None
) -> tuple[Call, Call]:
    """A call in conversation; ``target``: a number behind a trunk instead of a SIP URI."""
    world = recorded.world

    def provision() -> str:
        if target is None:
            return recorded.number(bob.uri)
        return recorded.number(f"trunk:{trunk_to(world, bob)}:{target}")

    number = await asyncio.to_thread(provision)
    await asyncio.sleep(2.5)  # the new trunk is known when its version was asked for
    out = await alice.dial(world.installation.uri(number), tone=CALLER_TONE, caller=caller)
    taken = await bob.incoming()
    taken.ring()
    taken.answer(tone=CALLEE_TONE)
    await out.answered()
    await taken.acknowledged()
    return out, taken


async def call_of(recorded: Recorded, caller: str) -> str:
    """The public id of a live call."""
    async with asyncio.timeout(10):
        while not (
            found := await asyncio.to_thread(
                recorded.world.installation.calls_from, caller, recorded.tenant.secret
            )
        ):
            await asyncio.sleep(0.1)
    return str(found[0]["id"])


async def tracks_begin(recorded: Recorded, before: set[Path]) -> list[Path]:
    """The files of both tracks, as soon as they are there."""
    folder = recorded.world.installation.folder / "var" / "tracks"
    async with asyncio.timeout(20):
        while len(made := set(folder.glob("*/*")) - before) < 2:
            await asyncio.sleep(0.02)
    return sorted(made)


def files(recorded: Recorded) -> set[Path]:
    return set((recorded.world.installation.folder / "var" / "tracks").glob("*/*"))


def born(path: Path) -> float:
    """When the file system made a file, in seconds since the epoch."""
    done = subprocess.run(
        ["stat", "-c", "%.9W", str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


class Prompt:
    """The notice, and which of its frames a packet carries."""

    def __init__(self) -> None:
        with wave.open(str(PROMPT / "recording-notice-en.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        frames = pcm[: len(pcm) // 160 * 160].reshape(-1, 160)
        loud = frames[np.sqrt(np.mean(frames**2, axis=1)) > 300]
        self.frames = loud / np.linalg.norm(loud, axis=1, keepdims=True)

    def heard(self, packets: list[Rtp]) -> list[tuple[float, int]]:
        """Time and number of each frame of the notice among the packets."""
        found = []
        for packet in packets:
            law = audioop.ulaw2lin if packet.payload_type == 0 else audioop.alaw2lin
            if packet.payload_type not in (0, 8) or len(packet.payload) != 160:
                continue
            frame = np.frombuffer(law(packet.payload, 2), "<i2").astype(float)
            likeness = self.frames @ (frame / (np.linalg.norm(frame) or 1.0))
            if likeness.max() > 0.99:
                found.append((packet.at, int(likeness.argmax())))
        return found


@pytest.mark.promise("CMX-05.0-04")
@pytest.mark.parametrize(
    ("caller", "target", "basis"),
    [
        (NEW_YORK, TEXAS, None),
        (CALIFORNIA, TEXAS, "all_party"),
        (NEW_YORK, None, "unknown"),
    ],
    ids=["one-party", "all-party", "unknown"],
)
async def test_the_prompt_precedes_the_first_stored_frame(
    recorded: Recorded, tmp_path: Path, caller: str, target: str | None, basis: str | None
) -> None:
    place = recorded.world.installation
    caller += place.telephone()[-4:]
    target = target and target + "0199"
    before = files(recorded)
    with Capture(tmp_path, f"127.{place.network}.0.0/16") as capture:
        async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
            out, taken = await connected(recorded, alice, bob, caller=caller, target=target)
            paths = await tracks_begin(recorded, before)
            births = [await asyncio.to_thread(born, path) for path in paths]
            await listen(out.audio, taken.audio, packets=60)
            hosts = (out.audio.address[0], taken.audio.address[0])
            call = await call_of(recorded, caller)
            await out.hangup()
            await taken.ended()
    prompt = Prompt()
    assert len(prompt.frames) > 50
    heard = [prompt.heard(capture.rtp(host)) for host in hosts]
    if basis is None:
        assert heard == [[], []]
    else:
        for packets in heard:
            assert len({frame for _, frame in packets}) == len(prompt.frames), "all of it"
            assert max(at for at, _ in packets) < min(births)
    recording = await recorded.stored(call)
    assert recording["basis"].startswith(basis or "one_party")
    events = place.full_record(call, recorded.tenant.secret)["events"]
    kinds = [event["kind"] for event in events if event["kind"].startswith("recording.")]
    announced = [] if basis is None else ["recording.announced"]
    assert kinds == [
        *announced, "recording.started", "recording.completed", "recording.stored"
    ]  # fmt: skip
    for track, tone in (("caller", CALLER_TONE), ("callee", CALLEE_TONE)):
        found = tones(await asyncio.to_thread(recorded.audio, recording["id"], track))
        assert found.count(tone) >= len(found) - 2 > 2, found


async def test_pause_hides_what_is_said_and_marks_it(recorded: Recorded) -> None:
    place = recorded.world.installation
    caller = NEW_YORK + place.telephone()[-4:]
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        before = files(recorded)
        out, taken = await connected(recorded, alice, bob, caller=caller, target=TEXAS + "0198")
        await tracks_begin(recorded, before)
        call = await call_of(recorded, caller)
        await listen(out.audio, packets=50)
        await command(recorded, call, "pause")
        taken.audio.tone = 1700
        await listen(out.audio, packets=60)
        assert out.heard().tones.get(1700), "the other party still hears it"
        taken.audio.tone = CALLEE_TONE
        await listen(out.audio, packets=10)
        await command(recorded, call, "resume")
        await listen(out.audio, packets=50)
        await out.hangup()
    recording = await recorded.stored(call)
    ((paused, resumed),) = recording["pauses"]
    assert 800 < paused < resumed < recording["duration_ms"]
    track = await asyncio.to_thread(recorded.audio, recording["id"], "callee")
    found = tones(track)
    assert 1700 not in found and CALLEE_TONE in found
    gap = tones(track[paused * 8 + 800 : resumed * 8 - 800])
    assert len(gap) >= 4 and set(gap) == {None}
    assert abs(len(track) / 8 - recording["duration_ms"]) < 250


async def command(recorded: Recorded, call: str, action: str) -> None:
    path = f"/calls/{call}/recording/{action}"
    status, _, body = await asyncio.to_thread(recorded.request, "POST", path)
    assert status == 200, body


async def test_a_killed_worker_leaves_tracks_that_are_cut_off(recorded: Recorded) -> None:
    place = recorded.world.installation
    caller = NEW_YORK + place.telephone()[-4:]
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        before = files(recorded)
        out, taken = await connected(recorded, alice, bob, caller=caller, target=TEXAS + "0197")
        paths = await tracks_begin(recorded, before)
        call = await call_of(recorded, caller)
        async with asyncio.timeout(40):
            while min(path.stat().st_size for path in paths) < 65_000:
                await asyncio.sleep(0.1)
        for name in ("media-0", "media-1"):
            await asyncio.to_thread(place.kill, name)
        await out.ended(within=20)
        await taken.ended()
    recording = await recorded.stored(call)
    assert [track["complete"] for track in recording["tracks"]] == [False, False]
    for track, tone in (("caller", CALLER_TONE), ("callee", CALLEE_TONE)):
        path = f"/recordings/{recording['id']}/audio?track={track}"
        status, headers, body = await asyncio.to_thread(recorded.request, "GET", path)
        assert (status, headers["Ringfence-Complete"]) == (200, "false")
        found = tones(samples(body))
        assert found.count(tone) >= len(found) - 2 > 30


async def test_who_listened_is_on_record_and_deletion_ends_it(recorded: Recorded) -> None:
    place = recorded.world.installation
    caller = NEW_YORK + place.telephone()[-4:]
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        before = files(recorded)
        out, taken = await connected(recorded, alice, bob, caller=caller, target=TEXAS + "0196")
        await tracks_begin(recorded, before)
        call = await call_of(recorded, caller)
        await listen(out.audio, taken.audio, packets=50)
        await out.hangup()
    recording = await recorded.stored(call)
    id_ = recording["id"]
    both = await asyncio.to_thread(recorded.audio, id_, "mixed")
    assert both.shape[1] == 2
    for channel, tone in enumerate((CALLER_TONE, CALLEE_TONE)):
        found = tones(both[:, channel])
        assert found.count(tone) >= len(found) - 2 > 2
    refused, _, body = await asyncio.to_thread(
        recorded.request,
        "GET",
        f"/recordings/{id_}/audio?track=caller",
        **{"Ringfence-Purpose": "marketing"},
    )
    assert (refused, json.loads(body)["code"]) == (403, "purpose_refused")
    async with asyncio.timeout(15):
        while len(uses := recorded.get(f"/audit/uses?object={id_}")["uses"]) < 2 or (
            "purpose_refused" not in {use["outcome"] for use in uses}
        ):
            await asyncio.sleep(0.2)
    assert {(use["purpose"], use["outcome"]) for use in uses} == {
        ("service", "ok"),
        ("marketing", "purpose_refused"),
    }
    objects = list((place.folder / "var" / "objects").rglob("*"))
    kept = [path for path in objects if path.is_file()]
    assert len(kept) >= 2
    status, _, _ = await asyncio.to_thread(recorded.request, "DELETE", f"/recordings/{id_}")
    assert status == 202
    path = f"/recordings/{id_}/audio?track=caller"
    status, _, _ = await asyncio.to_thread(recorded.request, "GET", path)
    assert status == 410
    async with asyncio.timeout(30):
        while recorded.get(f"/recordings/{id_}")["state"] != "deleted":
            await asyncio.sleep(0.2)
    assert sum(not path.exists() for path in kept) == 2
    events = place.full_record(call, recorded.tenant.secret)["events"]
    assert events[-1]["kind"] == "recording.deleted"
    status = place.cli("audit", "verify", "--json", plain=True)
    assert json.loads(status)["ok"]


async def test_a_customer_opens_the_recording_without_the_platform(
    recorded: Recorded, tmp_path: Path
) -> None:
    place = recorded.world.installation
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "public.pem").write_bytes(pem)
    (tmp_path / "private.pem").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    await asyncio.to_thread(
        place.cli, "recording", "enable", "--tenant", recorded.tenant.id, "--customer-key",
        str(tmp_path / "public.pem"), plain=True,
    )  # fmt: skip
    caller = NEW_YORK + place.telephone()[-4:]
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        before = files(recorded)
        out, taken = await connected(recorded, alice, bob, caller=caller, target=TEXAS + "0195")
        await tracks_begin(recorded, before)
        call = await call_of(recorded, caller)
        await listen(out.audio, taken.audio, packets=50)
        await out.hangup()
    recording = await recorded.stored(call)
    path = f"/recordings/{recording['id']}/tracks/caller/object"
    status, _, body = await asyncio.to_thread(recorded.request, "GET", path)
    assert status == 200
    (tmp_path / "track").write_bytes(body)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-I", str(OPENER), "--key", str(tmp_path / "private.pem"),
         str(tmp_path / "track"), "-o", str(tmp_path / "out.wav")],
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = tones(samples((tmp_path / "out.wav").read_bytes()))
    assert found.count(CALLER_TONE) >= len(found) - 2 > 2


async def test_order_of_events_in_time(recorded: Recorded) -> None:
    """What was said to be announced lies before what was said to be recorded."""
    place = recorded.world.installation
    caller = CALIFORNIA + place.telephone()[-4:]
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        out, _ = await connected(recorded, alice, bob, caller=caller)
        call = await call_of(recorded, caller)
        await out.hangup()  # before the prompt is over
    record = await place.record(caller, recorded.tenant.secret)
    assert record["id"] == call
    assert not any(event["kind"].startswith("recording.") for event in record["events"])
    assert moment(record["ended_at"]) - moment(record["answered_at"]) < 3
    assert recorded.get(f"/recordings?call={call}")["recordings"] == []
