"""What a call through a menu costs in CPU over all processes, its audio included.

A greeting is said and a menu asked (both rendered before), a key is pressed while the menu speaks,
the target rings, answers and talks with the caller, who hangs up. The phones are not counted.
"""

from __future__ import annotations

import asyncio

from tests.e2e.harness.studio import Studio

from bench.report import emit
from bench.whole_calls import Site, running
from ringfence.entry.phone import Call, Phone

CALLS, RATE = 150, 3
_LISTEN_SECONDS, _TALK_SECONDS = 4.0, 3.0
_GREETING = "Welcome to Acme."
_MENU = "For sales, press 1. For service, press 2. To hear our opening hours, press 3."


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    async with running() as site, Studio(site.world) as studio:
        callee = await studio.callee()
        menu = Menu(site, await studio.caller(), await studio.number(_flow(callee)))
        callee.on_call = menu.take
        await menu.calls(6)
        used = await site.cpu_of(lambda: menu.calls(CALLS), CALLS)
        emit("ivr", "until the key", _LISTEN_SECONDS, "s", CALLS)
        emit("ivr", "conversation", _TALK_SECONDS, "s", CALLS)
        for name, milliseconds in sorted(used.items()):
            emit("ivr", f"cpu_{name}", milliseconds, "ms", CALLS)
        emit("ivr", "cpu_all", sum(used.values()), "ms", CALLS)


def _flow(callee: Phone) -> dict[str, object]:
    gather = {
        "type": "gather",
        "prompts": [{"say": _MENU}],
        "choices": ["1", "2", "3"],
        "retries": 0,
        "next": {"digits:1": "sales"},
    }
    return {
        "start": "greet",
        "nodes": {
            "greet": {"type": "say", "text": _GREETING, "next": {"": "menu"}},
            "menu": gather,
            "sales": {"type": "dial", "targets": [{"sip": callee.uri}]},
        },
    }


class Menu:
    """Callers of a number that leads to the menu."""

    def __init__(self, site: Site, caller: Phone, called: str) -> None:
        self._site = site
        self._phone = caller
        self._called = called
        self._taken = 0

    async def take(self, call: Call) -> None:
        """Of the target: answers at once."""
        self._taken += 1
        call.ring()
        call.answer()

    async def calls(self, count: int) -> None:
        """So many calls; each must come through the menu."""
        number, self._taken = self._site.world.installation.telephone(), 0
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._call(number))
                await asyncio.sleep(1 / RATE)
        assert self._taken == count, f"{self._taken} of {count} came through"
        await self._site.recorded(number, count)

    async def _call(self, number: str) -> None:
        uri = self._site.world.installation.uri(self._called)
        call = await self._phone.dial(uri, caller=number)
        await call.answered(30)
        await asyncio.sleep(_LISTEN_SECONDS)
        await call.send_digits("1")
        await asyncio.sleep(_TALK_SECONDS)
        assert await call.hangup(30) == 200


if __name__ == "__main__":
    main()
