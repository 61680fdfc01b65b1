"""Recordings at the REST API: listening, sealed objects, deletion, settings, live control."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from tests.keys_fixture import Keys
from tests.recorded_calls import (
    RATE,
    ULAW_STREAM_HEADER,
    Recorded,
    World,
    recorded_world,
    ulaw_tone,
)

from ringfence.domains.calls.contracts import CallCommand
from ringfence.domains.privacy import api as privacy
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings.usecases import open_audio as opening
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.objects import open_object
from ringfence.platform.opus import opus_available
from ringfence.platform.rpc import RpcServer
from ringfence.platform_django.clock import new_id

LEFT, RIGHT = ulaw_tone(440, 20.5), ulaw_tone(1000, 20.5)


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        yield made


@pytest.fixture(scope="module")
def customer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


def pem(key: rsa.RSAPrivateKey) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, info).decode()


def ask(path: str, key: str, verb: str = "get", purpose: str | None = None, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    if purpose is not None:
        headers["Ringfence-Purpose"] = purpose
    client = Client(raise_request_exception=False)
    return getattr(client, verb)(f"/api/v1{path}", headers=headers, **options)


def heard(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    assert answer.streaming
    body = b"".join(answer.streaming_content)
    if "Content-Length" in answer.headers:
        assert int(answer.headers["Content-Length"]) == len(body)
    return body


def samples_of(wav: bytes, channels: int) -> bytes:
    """By the RIFF chunks, typed from the format."""
    assert wav[:4] == b"RIFF" and int.from_bytes(wav[4:8], "little") == len(wav) - 8
    at = 12
    found = {}
    while at < len(wav):
        size = int.from_bytes(wav[at + 4 : at + 8], "little")
        found[wav[at : at + 4]] = wav[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    fmt = found[b"fmt "]
    assert [int.from_bytes(fmt[i : i + 2], "little") for i in (0, 2)] == [7, channels]
    assert int.from_bytes(fmt[4:8], "little") == RATE
    return found[b"data"]


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def decoded(stream: bytes) -> np.ndarray:
    """Stereo at 48 kHz, by libopus, from the pages of RFC 3533; without what RFC 7845 drops."""
    import opuslib_next

    packets, packet, granule = [], b"", 0
    while stream:
        granule, count = int.from_bytes(stream[6:14], "little"), stream[26]
        at = 27 + count
        for length in stream[27:at]:
            packet += stream[at : at + length]
            at += length
            if length < 255:
                packets.append(packet)
                packet = b""
        stream = stream[at:]
    decoder = opuslib_next.Decoder(48_000, 2)
    sound = b"".join(decoder.decode(packet, 960) for packet in packets[2:])
    skipped = int.from_bytes(packets[0][10:12], "little")
    return np.frombuffer(sound, "<i2").reshape(-1, 2)[skipped:granule]


def carry_out_orders() -> None:
    """What the worker would do with the jobs that are enqueued now."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT args->>'erasure' FROM procrastinate_jobs WHERE task_name = 'privacy.carry_out'"
        )
        orders = [UUID(hex=row[0]) for row in cursor.fetchall()]
    assert orders
    for order in orders:
        privacy.carry_out(order)


def stored_objects() -> list[str]:
    folder = django_settings.RINGFENCE.data_dir / "objects"
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_what_is_heard_is_what_was_said(world: World) -> None:
    made, key = world.record(LEFT, RIGHT), world.key()
    for track, said in (("caller", LEFT), ("callee", RIGHT)):
        answer = ask(f"/recordings/{made.id}/audio?track={track}", key)
        assert samples_of(heard(answer), 1) == said
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.headers["Content-Disposition"] == (
            f'attachment; filename="{made.id}-{track}.wav"'
        )
        assert answer.headers["Ringfence-Complete"] == "true"
        assert answer.headers["Accept-Ranges"] == "none"


def test_mixed_has_the_caller_left_and_the_callee_right(world: World) -> None:
    made = world.record(LEFT[:100_001], RIGHT)
    both = samples_of(heard(ask(f"/recordings/{made.id}/audio", world.key())), 2)
    assert both[::2] == LEFT[:100_001] + b"\xff" * (len(RIGHT) - 100_001)
    assert both[1::2] == RIGHT


@pytest.mark.skipif(not opus_available(), reason="no libopus on this machine")
def test_opus_decodes_to_the_tones(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    answer = ask(f"/recordings/{made.id}/audio?format=opus", world.key())
    assert answer.headers["Content-Type"] == "audio/ogg"
    assert "Content-Length" not in answer.headers
    pcm = decoded(heard(answer))
    assert len(pcm) == int(20.5 * 48_000)
    for channel, hertz in ((0, 440), (1, 1000)):
        spectrum = np.abs(np.fft.rfft(pcm[:, channel].astype(float)))
        assert np.argmax(spectrum) * 48_000 / len(pcm) == pytest.approx(hertz, abs=2)


def test_without_libopus_it_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "opus_available", lambda: False)
    made = world.record(LEFT, RIGHT)
    refused(ask(f"/recordings/{made.id}/audio?format=opus", world.key()), 406, "format_unavailable")


def test_nobody_listens_without_a_purpose(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    path = f"/recordings/{made.id}/audio"
    refused(ask(path, world.key(purposes=())), 400, "purpose_required")
    refused(ask(path, world.key(), purpose="marketing"), 403, "purpose_refused")
    key = world.key(purposes=("support",))
    assert samples_of(heard(ask(path + "?track=callee", key, purpose="support")), 1) == RIGHT


def test_each_download_is_a_use_in_the_audit_trail(world: World) -> None:
    made, key = world.record(LEFT, RIGHT), world.key(purposes=("service", "support"))
    world.keys.uses.clear()
    ask(f"/recordings/{made.id}", key)
    assert not world.keys.uses
    for purpose in ("support", "service"):
        heard(ask(f"/recordings/{made.id}/audio", key, purpose=purpose))
    uses = [use for use in world.keys.uses if use.credential == "web" and use.action == "open"]
    told = {(use.purpose, use.objects, use.outcome, use.tenant) for use in uses}
    assert told == {
        (purpose, (made.id, made.call_id), "ok", world.acme) for purpose in ("support", "service")
    }
    assert {use.actor[:4] for use in uses} == {"key:"}


def test_another_tenant_finds_nothing(world: World) -> None:
    made, stranger = world.record(LEFT, RIGHT), world.key(world.bolt)
    for path, verb in (
        (f"/recordings/{made.id}", "get"),
        (f"/recordings/{made.id}/audio", "get"),
        (f"/recordings/{made.id}/tracks/caller/object", "get"),
        (f"/recordings/{made.id}", "delete"),
    ):
        refused(ask(path, stranger, verb), 404, "recording_not_found")
    assert ask("/recordings", stranger).json() == {"recordings": [], "next": None}
    assert ask(f"/recordings?call={made.call_id}", stranger).json()["recordings"] == []
    assert samples_of(heard(ask(f"/recordings/{made.id}/audio?track=caller", world.key())), 1)


def test_without_a_key_nothing_is_served(world: World) -> None:
    made = world.record(LEFT[:800], RIGHT[:800])
    for path, verb in (
        (f"/recordings/{made.id}/audio", "get"),
        (f"/recordings/{made.id}/tracks/caller/object", "get"),
        (f"/recordings/{made.id}", "delete"),
        ("/recording-settings", "get"),
        ("/recording-settings", "put"),
        (f"/calls/{made.call_id}/recording/stop", "post"),
    ):
        for key in ("", "rfk_", world.key()[:-3] + "AAA"):
            refused(ask(path, key, verb), 401, "unauthorized")


def test_a_key_opens_only_its_scopes(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    reader, nobody = world.key(scopes=("recordings:read",)), world.key(scopes=("calls:read",))
    refused(ask(f"/recordings/{made.id}/audio", nobody), 403, "insufficient_scope")
    refused(ask(f"/recordings/{made.id}", reader, "delete"), 403, "insufficient_scope")
    refused(ask(f"/calls/{made.call_id}/recording/stop", reader, "post"), 403, "insufficient_scope")


def test_a_list_is_filtered_and_paged(world: World) -> None:
    made = []
    for _ in range(3):
        made.append(world.record(LEFT[:8000], RIGHT[:8000]))
        world.keys.clock.advance(timedelta(minutes=1))
    key = world.key()

    def ids(query: str) -> list[str]:
        answer = ask(f"/recordings{query}", key)
        assert answer.status_code == 200, answer.content
        return [item["id"] for item in answer.json()["recordings"]]

    newest_first = [item.id for item in reversed(made)]
    assert ids("") == newest_first
    assert ids(f"?call={made[1].call_id}") == [made[1].id]
    page = ask("/recordings?limit=2", key).json()
    assert [item["id"] for item in page["recordings"]] == newest_first[:2]
    assert ids(f"?before={page['next']}") == newest_first[2:]
    middle = ask(f"/recordings/{made[1].id}", key).json()["started_at"].replace("+", "%2B")
    assert ids(f"?until={middle}")[-1] == made[0].id
    assert made[2].id in ids(f"?since={middle}")
    assert made[0].id not in ids(f"?since={middle}")
    refused(ask(f"/recordings?call={made[0].id}", key), 422, "invalid_id")


def test_the_record_says_what_there_is(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    body = ask(f"/recordings/{made.id}", world.key()).json()
    assert body["call_id"] == made.call_id
    assert (body["state"], body["basis"], body["gap"]) == ("stored", "all_party:CA", "silence")
    assert body["duration_ms"] == 20_500
    assert [(item["track"], item["complete"], item["duration_ms"]) for item in body["tracks"]] == [
        ("callee", True, 20_500),
        ("caller", True, 20_500),
    ]


def test_not_ready_until_it_is_stored(world: World) -> None:
    made, key = world.record(LEFT, RIGHT, store=False), world.key()
    refused(ask(f"/recordings/{made.id}/audio", key), 409, "recording_not_ready")
    refused(ask(f"/recordings/{made.id}/tracks/caller/object", key), 409, "recording_not_ready")
    world.store()
    assert samples_of(heard(ask(f"/recordings/{made.id}/audio?track=caller", key)), 1) == LEFT


def test_a_cut_off_track_ends_where_it_ends_and_says_so(world: World) -> None:
    made = world.record(LEFT, RIGHT, cut=1, completed=False, store=False)
    world.keys.clock.advance(timedelta(minutes=3))
    assert world.store() == 1
    answer = ask(f"/recordings/{made.id}/audio?track=caller", world.key())
    whole_chunks = 2 * 65_536 - len(ULAW_STREAM_HEADER)
    assert samples_of(heard(answer), 1) == LEFT[:whole_chunks]
    assert answer.headers["Ringfence-Complete"] == "false"
    both = ask(f"/recordings/{made.id}/audio", world.key())
    assert samples_of(heard(both), 2)[1::2] == RIGHT
    assert both.headers["Ringfence-Complete"] == "false"


def test_deleted_is_gone_at_once_and_for_good(world: World) -> None:
    made, key = world.record(LEFT, RIGHT), world.key()
    other = world.record(LEFT[:8000], RIGHT[:8000])
    answer = ask(f"/recordings/{made.id}", key, "delete")
    assert (answer.status_code, answer.json()["state"]) == (202, "deleting")
    refused(ask(f"/recordings/{made.id}/audio", key), 410, "recording_deleted")
    assert ask(f"/recordings/{made.id}", key, "delete").status_code == 202
    with world.worker():
        carry_out_orders()
    refused(ask(f"/recordings/{made.id}/audio", key), 410, "key_destroyed")
    refused(ask(f"/recordings/{made.id}/tracks/caller/object", key), 410, "recording_deleted")
    body = ask(f"/recordings/{made.id}", key).json()
    assert (body["state"], body["deletion_reason"], body["pauses"]) == ("deleted", "request", [])
    assert body["started_at"] and body["call_id"] == made.call_id
    assert made.caller_track.hex not in stored_objects()
    assert other.caller_track.hex in stored_objects()
    assert heard(ask(f"/recordings/{other.id}/audio", key))
    events = ask(f"/calls/{made.call_id}/events", key).json()["events"]
    deleted = [event for event in events if event["kind"] == "recording.deleted"]
    assert [event["data"]["reason"] for event in deleted] == ["request"]


@pytest.mark.parametrize("track", ["caller", "mixed"])
def test_who_listens_while_it_is_destroyed_hears_no_more(world: World, track: str) -> None:
    sound = b"\x55" * 64_000 * 5  # several chunks
    made = world.record(sound, sound)
    answer = ask(f"/recordings/{made.id}/audio?track={track}", world.key())
    body = iter(answer.streaming_content)
    said = next(body) + next(body)
    with world.worker():
        recordings.destroy_recording(made.tenant, made.recording, reason="request", actor="test")
    with pytest.raises(KeyDestroyed):
        said += b"".join(body)
    assert len(said) < len(sound) // 2


def test_who_listens_while_something_else_is_destroyed_hears_all(world: World) -> None:
    sound = b"\x55" * 64_000 * 5
    made, other = world.record(sound, sound), world.record(LEFT[:8000], RIGHT[:8000])
    world.keys.uses.clear()
    answer = ask(f"/recordings/{made.id}/audio?track=caller", world.key())
    body = iter(answer.streaming_content)
    said = next(body)
    with world.worker():  # what somebody else's destruction makes every process forget
        recordings.destroy_recording(other.tenant, other.recording, reason="request", actor="test")
    said += b"".join(body)
    assert samples_of(said, 1) == sound
    uses = [use for use in world.keys.uses if use.credential == "web" and use.action == "open"]
    assert 1 <= len(uses) <= 2
    assert {use.objects for use in uses} == {(made.id, made.call_id)}


def test_a_deletion_that_is_rolled_back_leaves_no_job(world: World) -> None:
    made, key = world.record(LEFT, RIGHT), world.key()
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        recordings.request_deletion(world.acme, made.recording)
        raise RuntimeError
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (0,)
    assert heard(ask(f"/recordings/{made.id}/audio", key))


def test_customer_held_opens_for_us_until_analysis_ends_and_then_for_the_customer_alone(
    world: World, customer: rsa.RSAPrivateKey
) -> None:
    key = world.key()
    new = {"enabled": True, "customer_key": pem(customer), "analysis_hours": 2}
    settings = ask("/recording-settings", key, "put", data=new, content_type="application/json")
    assert settings.status_code == 200, settings.content
    made = world.record(LEFT, RIGHT, customer=customer.public_key())
    path = f"/recordings/{made.id}/audio?track=caller"
    world.keys.clock.advance(timedelta(minutes=119))
    with world.worker():
        assert recordings.end_analysis() == 0
    assert samples_of(heard(ask(path, key)), 1) == LEFT
    world.keys.clock.advance(timedelta(minutes=2))
    with world.worker():
        assert recordings.end_analysis() == 1
        assert recordings.end_analysis() == 0
    refused(ask(path, key), 410, "key_destroyed")
    sealed = heard(ask(f"/recordings/{made.id}/tracks/caller/object", key))
    assert b"".join(open_object([sealed], customer)) == ULAW_STREAM_HEADER + LEFT
    assert ask(f"/recordings/{made.id}", key).json()["state"] == "stored"
    replayed = world.keys.blocking("worker").journal()
    privacy.replay(replayed)  # as a restore does
    assert heard(ask(f"/recordings/{made.id}/tracks/caller/object", key)) == sealed
    assert ask(f"/recordings/{made.id}", key, "delete").status_code == 202
    with world.worker():
        carry_out_orders()
    assert stored_objects() == []


def test_settings_are_checked(world: World, customer: rsa.RSAPrivateKey) -> None:
    key = world.key()
    nothing = ask("/recording-settings", key).json()
    assert nothing == {
        "enabled": False,
        "gap": "silence",
        "consent_override": None,
        "prompt": "recording-notice-en",
        "customer_key": None,
        "analysis_hours": 24,
        "custody": "platform",
        "unrecorded": None,
    }
    small = rsa.generate_private_key(65537, 2048)
    for change, code in (
        ({"customer_key": pem(small)}, "invalid_recording_settings"),
        ({"customer_key": "no key"}, "invalid_recording_settings"),
        ({"prompt": "../../etc/passwd"}, "invalid_recording_settings"),
        ({"analysis_hours": 0}, "invalid_recording_settings"),
        ({"analysis_hours": -1}, "invalid_input"),
        ({"analysis_hours": 721}, "invalid_input"),
        ({"consent_override": "never_announce"}, "invalid_input"),
        ({"gap": "music"}, "invalid_input"),
        ({"announce": False}, "invalid_input"),
    ):
        body = {"enabled": True} | change
        refused(
            ask("/recording-settings", key, "put", data=body, content_type="application/json"),
            422,
            code,
        )
    assert ask("/recording-settings", key).json() == nothing
    good = {"enabled": True, "gap": "tone", "consent_override": "always_announce"}
    answer = ask("/recording-settings", key, "put", data=good, content_type="application/json")
    assert answer.json() == nothing | good
    assert ask("/recording-settings", key).json() == nothing | good
    assert ask("/recording-settings", world.key(world.bolt)).json() == nothing


class _Conflict(RingfenceError):
    code = "call_state"


class _NotLive(RingfenceError):
    code = "call_not_live"


class Signalling:
    """The other side of the command socket, in a thread."""

    def __init__(self) -> None:
        self.asked: list[CallCommand] = []
        self.live: UUID | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = RpcServer(django_settings.RINGFENCE.signalling_socket)
        self._server.register("command", CallCommand, self._command)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)

    def _command(self, command: CallCommand, _: object) -> None:
        self.asked.append(command)
        if command.call != self.live:
            raise _NotLive("no such call")
        if command.action == "resume_recording":
            raise _Conflict("nothing is paused")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def test_a_live_recording_is_paused_by_the_process_that_holds_the_call(world: World) -> None:
    key, call = world.key(), new_id()
    path = f"/calls/{public_id(Prefix.CALL, call)}/recording"
    refused(ask(f"{path}/pause", key, "post"), 503, "call_plane_unavailable")
    signalling = Signalling()
    try:
        refused(ask(f"{path}/pause", key, "post"), 404, "call_not_live")
        signalling.live = call
        answer = ask(f"{path}/pause", key, "post")
        assert (answer.status_code, answer.json()["state"]) == (200, "pause")
        refused(ask(f"{path}/resume", key, "post"), 409, "call_state")
        assert ask(f"{path}/stop", key, "post").status_code == 200
        refused(ask(f"{path}/rewind", key, "post"), 422, "invalid_input")
    finally:
        signalling.close()
    assert [(item.tenant, item.call, item.action) for item in signalling.asked] == [
        (world.acme, call, "pause_recording"),
        (world.acme, call, "pause_recording"),
        (world.acme, call, "resume_recording"),
        (world.acme, call, "stop_recording"),
    ]


def test_a_lost_object_or_key_process_is_an_error_and_no_silence(world: World) -> None:
    made, key = world.record(LEFT, RIGHT), world.key()
    folder = django_settings.RINGFENCE.data_dir / "objects"
    victim: Recorded = made
    for path in folder.rglob(victim.caller_track.hex):
        data = bytearray(path.read_bytes())
        data[-30_000] ^= 1
        path.write_bytes(data)
    answer = ask(f"/recordings/{made.id}/audio?track=caller", key)
    with pytest.raises(RingfenceError):
        list(answer.streaming_content)
    for path in folder.rglob(victim.caller_track.hex):
        path.unlink()
    refused(ask(f"/recordings/{made.id}/audio?track=caller", key), 404, "object_not_found")
