"""Refusing to be recorded, in the middle of a real call and before the next."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import Any

import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.installation import Tenant
from tests.e2e.harness.world import World, moment
from tests.e2e.test_recording import (
    NEW_YORK,
    TEXAS,
    Recorded,
    call_of,
    connected,
    files,
    tracks_begin,
)

from ringfence.entry.phone import Phone

pytestmark = pytest.mark.e2e
SCOPES = ("calls:read", "recordings:read", "consents:read", "consents:write", "consents:wordings")


@pytest.fixture
def recorded(world: World) -> Recorded:
    made = world.installation.cli("tenant", "create", "Asks first")
    world.installation.cli("recording", "enable", "--tenant", made["id"], plain=True)
    named = [argument for scope in SCOPES for argument in ("--scope", scope)]
    key = world.installation.cli("key", "create", "--tenant", made["id"], *named)
    return Recorded(world, Tenant(made["id"], key["api_key"]))


def post(recorded: Recorded, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{recorded.world.installation.web_port}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {recorded.tenant.secret}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def say(recorded: Recorded, number: str, state: str, **more: str) -> dict[str, Any]:
    said = {"number": number, "scope": "recording", "state": state, "method": "spoken"}
    return post(recorded, "/consents", said | more)


async def test_a_refusal_ends_a_recording_within_a_second_and_bars_the_next(
    recorded: Recorded,
) -> None:
    place = recorded.world.installation
    caller, target = NEW_YORK + place.telephone()[-4:], TEXAS + "0199"
    before = await asyncio.to_thread(files, recorded)
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        out, _ = await connected(recorded, alice, bob, caller=caller, target=target)
        await tracks_begin(recorded, before)
        call = await call_of(recorded, caller)
        await asyncio.sleep(1.0)
        asked = time.time()
        refusal = await asyncio.to_thread(say, recorded, caller, "withdrawn", source=call)
        answered = time.time()
        await listen(out.audio, packets=100)  # the call goes on
        await out.hangup()
    made = await recorded.stored(call)
    stopped = moment(made["ended_at"])
    assert stopped - asked < 1.0
    assert answered - asked < 1.0
    ended = moment((await asyncio.to_thread(recorded.get, f"/calls/{call}"))["ended_at"])
    assert ended - stopped > 1.5
    kept = len(await asyncio.to_thread(recorded.audio, made["id"], "caller")) / 8000
    assert kept < stopped - moment(made["started_at"]) + 0.5

    again = await asyncio.to_thread(files, recorded)
    for who, expected in ((caller, 0), (NEW_YORK + place.telephone()[-4:], 2), (caller, 2)):
        if (who, expected) == (caller, 2):
            text = {"scope": "recording", "language": "en", "text": "May we?"}
            wording = await asyncio.to_thread(post, recorded, "/consent-wordings", text)
            await asyncio.to_thread(say, recorded, who, "granted", wording=wording["id"])
        async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
            out, _ = await connected(recorded, alice, bob, caller=who, target=target)
            if expected:
                await tracks_begin(recorded, again)
            await asyncio.sleep(1.5)
            assert len(await asyncio.to_thread(files, recorded) - again) == expected
            await out.hangup()
        again |= await asyncio.to_thread(files, recorded)
    assert refusal["state"] == "withdrawn"
