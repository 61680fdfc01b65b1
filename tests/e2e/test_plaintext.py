"""No number and no voice of a recorded call stands in clear anywhere, while it lives and after it;
and an erasure ends what was kept of it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.installation import Installation, Tenant
from tests.e2e.harness.world import World
from tests.e2e.test_recording import (
    CALLEE_TONE,
    CALLER_TONE,
    NEW_YORK,
    Recorded,
    call_of,
    connected,
    files,
    tracks_begin,
)

from ringfence.entry.phone import Phone
from ringfence.entry.phone.sound import tone_frames
from ringfence.entry.promises import plaintext
from ringfence.entry.promises.plaintext import Marker, Report
from ringfence.platform.postgres import EmbeddedPostgres

pytestmark = pytest.mark.e2e

CONTROL = [
    Marker("control", "+16465553907"),
    Marker("control tone", ulaw=bytes(range(200, 40, -1))),
]
STORES = {
    "postgres", "spool", "tracks", "keys", "keys outside", "secrets", "run", "logs",
    plaintext.SQL_STORE,
}  # fmt: skip


@pytest.fixture
def recorded(own_world: World) -> Recorded:
    made = own_world.installation.cli("tenant", "create", "Recorded")
    own_world.installation.cli("recording", "enable", "--tenant", made["id"], plain=True)
    return Recorded(own_world, Tenant(made["id"], made["api_key"]))


def superuser(place: Installation) -> str:
    config = (place.folder / "ringfence.toml").read_text()
    port = int(config.split("embedded_port = ")[1].split()[0])
    data = place.folder / "var"
    url = EmbeddedPostgres(data, data / "run", port).superuser_url
    return url.replace("/postgres?", "/ringfence?")


def scan(place: Installation, markers: list[Marker], copy: Path) -> Report:
    """Of all files as they lie on the disk at this moment, and through SQL.

    Files are copied first: what the living installation cuts short must not be mapped.
    """
    dsn = superuser(place)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    with_sockets = shutil.ignore_patterns("*.sock", ".s.PGSQL.*")
    for name in ("var", "var.keys"):
        _copy(place.folder / name, copy / name, with_sockets)
    (copy / "logs").mkdir()
    shutil.copy(place.folder / "serve.log", copy / "logs")
    report = plaintext.check(
        copy / "var", copy / "var.keys", dsn, markers, CONTROL, more={"logs": copy / "logs"}
    )
    shutil.rmtree(copy)
    return report


def _copy(source: Path, target: Path, ignore: Any) -> None:
    try:
        shutil.copytree(source, target, ignore=ignore)
    except shutil.Error as error:  # what was deleted meanwhile
        gone = [path for path, _, _ in error.args[0] if Path(path).exists()]
        assert gone == [], gone


def check_clean(report: Report, *stores: str) -> None:
    assert STORES | set(stores) <= set(report.scanned), report.scanned
    assert report.missed == []
    assert report.hits == []


async def test_nothing_of_a_call_stands_in_clear_and_an_erasure_ends_it(
    recorded: Recorded, tmp_path: Path
) -> None:
    place = recorded.world.installation
    caller = NEW_YORK + "8421"
    voices = {
        role: Marker(f"{role}'s voice", ulaw=tone_frames(tone, "PCMU")[0])
        for role, tone in (("caller", CALLER_TONE), ("callee", CALLEE_TONE))
    }
    markers = [Marker("caller", caller), *voices.values()]
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        out, taken = await connected(recorded, alice, bob, caller=caller)
        tracks = await tracks_begin(recorded, set())
        call = await call_of(recorded, caller)
        async with asyncio.timeout(40):  # until a chunk of each is on the disk
            while min(path.stat().st_size for path in tracks) < 65_000:
                await asyncio.sleep(0.1)
        live = await asyncio.to_thread(scan, place, markers, tmp_path / "live")
        assert out.state == taken.state == "answered"
        await listen(out.audio, taken.audio, packets=20)
        await out.hangup()
        await taken.ended()
    check_clean(live)
    assert live.scanned["tracks"] > 2 * 65_000
    recording = await recorded.stored(call)
    check_clean(await asyncio.to_thread(scan, place, markers, tmp_path / "after"), "objects")

    # what was looked for is what was said: it is there for those who may open it
    assert (await asyncio.to_thread(recorded.get, f"/calls/{call}"))["from_number"] == caller
    for role, marker in voices.items():
        audio = f"/recordings/{recording['id']}/audio?track={role}"
        status, _, body = await asyncio.to_thread(recorded.request, "GET", audio)
        assert status == 200
        assert any(form in body for forms in marker.forms().values() for form in forms)

    await erased(recorded, call, recording["id"], caller)


async def erased(recorded: Recorded, call: str, recording: str, caller: str) -> None:
    place, tenant = recorded.world.installation, recorded.tenant
    objects = place.folder / "var" / "objects"
    kept = [path for path in objects.rglob("*") if path.is_file() and "tracks" in path.parts]
    assert len(kept) == 2
    said = await asyncio.to_thread(
        place.cli, "erase", "--tenant", tenant.id, "--number", caller, plain=True
    )
    assert [json.loads(line)["state"] for line in said.splitlines()] == ["cleaned"]
    record = await asyncio.to_thread(place.full_record, call, tenant.secret)
    assert (record["from_number"], record["from_error"]) == (None, "key_destroyed")
    assert (record["country_code"], record["area"]) == (None, None)
    told = {leg["role"]: (leg["number"], leg["number_error"]) for leg in record["legs"]}
    assert told["caller"] == (None, "key_destroyed")
    assert told["callee"][0] is not None and told["callee"][1] is None
    assert [event["kind"] for event in record["events"]].count("recording.deleted") == 1
    assert caller[2:] not in json.dumps(record)
    assert not any(path.exists() for path in kept)
    assert files(recorded) == set()
    found = await asyncio.to_thread(recorded.get, f"/recordings/{recording}")
    assert found["state"] == "deleted"
    for role in ("caller", "callee"):
        path = f"/recordings/{recording}/audio?track={role}"
        status, _, _ = await asyncio.to_thread(recorded.request, "GET", path)
        assert status == 410
    assert await asyncio.to_thread(place.calls_from, caller, tenant.secret) == []
