"""``ringfence demo``: sets up, calls, asks for the record, and tells."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys

import click

from ringfence.entry.demo import installation
from ringfence.entry.demo.call import DemoCall
from ringfence.entry.demo.evidence import Evidence
from ringfence.entry.demo.installation import DemoFailed, Place, sip_uri
from ringfence.entry.demo.narrator import Narrator
from ringfence.entry.demo.outcome import Outcome
from ringfence.entry.demo.receiver import Receiver
from ringfence.entry.demo.report import pretty
from ringfence.entry.demo.rest import ApiRefused
from ringfence.entry.demo.setup import NUMBER, Demo, balance, provision
from ringfence.entry.phone import Phone
from ringfence.entry.stream import Event, follow, told
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import load_settings

_OPEN_SECONDS = 10.0
_LATE_SECONDS = 5.0


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def demo_command(as_json: bool) -> None:
    """Place a whole call between two demo phones, live, and hold its record against the wire.

    A menu, a ZIP code, a whisper, a recording with consent, billing, a webhook. Uses the
    installation that runs for the configured data directory, else starts a temporary one. Exit
    status 1 when something was not observed.
    """
    narrator = Narrator(sys.stderr if not as_json or sys.stderr.isatty() else None)
    with contextlib.ExitStack() as stack:
        place = installation.running(load_settings())
        if place is None:
            narrator.title("No installation runs here: starting a temporary one ...")
            place = stack.enter_context(installation.temporary())
        outcome = _demo(place, narrator)
    print(json.dumps(outcome.as_dict(), indent=2) if as_json else pretty(outcome))
    if not outcome.ok:
        sys.exit(1)


def _demo(place: Place, narrator: Narrator) -> Outcome:
    """Raises DemoFailed."""
    outcome = Outcome()
    try:
        receiver = Receiver(place.receiver_host)
    except OSError as error:
        raise DemoFailed(f"{place.receiver_host} cannot be listened on: {error}") from None
    with receiver:
        demo = provision(place, receiver.url)
        narrator.title(f"The tenant Demo ({demo.tenant}) and its number {NUMBER} are set up.")
        try:
            asyncio.run(_run(place, demo, receiver, outcome, narrator))
        except ApiRefused as error:
            raise DemoFailed(error.message) from None
    return outcome


async def _run(
    place: Place, demo: Demo, receiver: Receiver, outcome: Outcome, narrator: Narrator
) -> None:
    caller = f"+1415555{secrets.randbelow(10_000):04}"  # California: all parties must consent
    before = await asyncio.to_thread(balance, demo.api)
    published: list[int] = []

    async def publish() -> None:
        """The same graph as the next version, while the call goes on."""
        made = await asyncio.to_thread(
            demo.api.post, f"/flows/{demo.flow}/rollback", {"version": demo.version}
        )
        published.append(made["version"])
        narrator.say("platform", f"publishes version {made['version']} of the flow meanwhile")

    call = DemoCall(outcome, narrator, sip_uri(place.settings, NUMBER), publish)
    async with (
        LiveView(place, demo, narrator) as view,
        Phone(place.caller_host, user=caller) as alice,
        Phone(place.desk_host, demo.desk_port, user="desk") as bob,
    ):
        if not await call.reach(alice, bob):
            return
        await call.talk(alice, bob)
        await view.until_ended()
    narrator.title("Asking for its record ...")
    evidence = Evidence(outcome, demo, call.wire)
    if not await asyncio.to_thread(evidence.find, caller):
        return
    newer = published[0] if published else None
    for check, about in (
        ("timeline", lambda: evidence.about_call(demo.version, newer)),
        ("live", lambda: evidence.about_live(view.seen)),
        ("ledger", lambda: evidence.about_money(before)),
        ("recording", lambda: evidence.about_recording(place.settings)),
        ("webhook", lambda: evidence.about_webhook(receiver)),
    ):
        try:
            await asyncio.to_thread(about)
        except ApiRefused as error:
            outcome.check(check, False, error.message)


class LiveView:
    """The tenant's live stream, told as it comes. ``async with``; what it does not tell is missed
    afterwards."""

    def __init__(self, place: Place, demo: Demo, narrator: Narrator) -> None:
        live = place.settings.live
        self._url = f"http://{live.host}:{live.port}"
        self._api = demo.api
        self._narrator = narrator
        self._opened, self._ended = asyncio.Event(), asyncio.Event()
        self.seen: list[Event] = []

    async def __aenter__(self) -> LiveView:
        self._watching = asyncio.create_task(self._watch())
        await self._wait(self._opened, _OPEN_SECONDS)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watching.cancel()
        await asyncio.wait({self._watching})

    async def until_ended(self) -> None:
        """The stream is a moment behind the call."""
        await self._wait(self._ended, _LATE_SECONDS)

    async def _watch(self) -> None:
        with contextlib.suppress(RingfenceError):
            async for event in follow(self._url, self._ticket, opened=self._opened.set):
                self.seen.append(event)
                self._narrator.say("platform", told(event["kind"], event["data"]))
                if event["kind"] == "call.ended":
                    self._ended.set()

    async def _ticket(self) -> str:
        made = await asyncio.to_thread(self._api.post, "/live/tickets")
        return str(made["ticket"])

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
