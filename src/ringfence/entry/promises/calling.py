"""Real calls of an examiner's own phones, and what the public API says of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ringfence.entry.demo.rest import Rest
from ringfence.entry.phone import CallFailed, Phone
from ringfence.entry.promises.site import Placed
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import Unavailable

T = TypeVar("T")
DESK_PORT = 5066
PATIENCE = 60.0
"""Seconds that something may take to come."""
_KEY_NAME = "examination"
_TALK_SECONDS = 2.0


class CanaryDied(Unavailable):
    """The canary did not live through what it must: nothing can be examined."""

    code = "canary_died"


def tenant_api(
    operator: Rest, base: str, tenant: str, expires_at: str, scopes: Sequence[str]
) -> Rest:
    """The API with a new key of a tenant. Raises ApiRefused."""
    wanted = {
        "name": _KEY_NAME,
        "scopes": scopes,
        "purposes": ["service"],
        "expires_at": expires_at,
    }
    return Rest(base, operator.post(f"/tenants/{tenant}/keys", wanted)["secret"])


async def call(
    api: Rest,
    host: str,
    number: str,
    desk: str,
    caller: str,
    uri: str,
    talking: Callable[[], object],
    tones: tuple[int, int] = (700, 1200),
) -> Placed:
    """A call that goes on for a moment from when ``talking`` is true; ``tones`` (Hz) are what the
    caller's phone and the desk's say. Raises CanaryDied."""
    async with Phone(host, user=caller) as alice, Phone(desk, DESK_PORT, user="desk") as bob:
        await known(alice, uri)
        try:
            began = SystemClock().now()
            out = await alice.dial(uri, tone=tones[0])
            taken = await bob.incoming(within=PATIENCE)
            taken.answer(tone=tones[1])
            await out.answered(within=PATIENCE)
            await asyncio.to_thread(wait_for, lambda: talking() or None, "its recording's begin")
            await asyncio.sleep(_TALK_SECONDS)
            await out.hangup()
            answered = out.seen(200, sent=False, cseq="INVITE")[0].at
            ended = out.seen("BYE", sent=True)[0].at
            return Placed(api, number, began, ended - answered)
        except (CallFailed, TimeoutError) as error:
            raise CanaryDied(f"its call to {number} failed: {error!r}") from error


async def known(phone: Phone, uri: str) -> None:
    """Return when the platform knows the phone's address. Raises CanaryDied."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while True:
        answer = await phone.options(uri, within=0.6)
        if answer is not None and answer.status == 200:
            return
        if loop.time() > deadline:
            raise CanaryDied("the platform does not answer its phone")


def wait_for(find: Callable[[], T | None], what: str) -> T:
    """What ``find`` finds, once it is there. Raises CanaryDied after a minute."""
    deadline = time.monotonic() + PATIENCE
    while (found := find()) is None:
        if time.monotonic() > deadline:
            raise CanaryDied(f"{what} did not come in {PATIENCE:.0f} s")
        time.sleep(0.3)
    return found


def calls_of(api: Rest, caller: str) -> list[dict[str, Any]]:
    """The records of a caller's calls, the newest first."""
    found: list[dict[str, Any]] = api.get(f"/calls?from_number=%2B{caller[1:]}")["calls"]
    return found


def ended(api: Rest, caller: str) -> str | None:
    """The newest call of a caller whose record is whole."""
    return next((str(call["id"]) for call in calls_of(api, caller) if call["ended_at"]), None)


def recorded(api: Rest, caller: str) -> bool:
    """Whether the recording has begun: after the notice, where one is due."""
    calls = calls_of(api, caller)
    return bool(calls and api.get(f"/recordings?call={calls[0]['id']}")["recordings"])


def stored(api: Rest, call: str) -> str | None:
    """The stored recording of a call."""
    found = api.get(f"/recordings?call={call}")["recordings"]
    return next((str(one["id"]) for one in found if one["state"] == "stored"), None)
