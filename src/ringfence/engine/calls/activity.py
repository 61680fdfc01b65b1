"""What a call may be doing for its program."""

from __future__ import annotations

from typing import Protocol

from ringfence.engine.calls.events import Elapsed, Pressed, Spoken


class Activity(Protocol):
    """One verb being performed; it ends by ``Call.proceed`` with the verb's outcome."""

    async def on_spoken(self, event: Spoken) -> None: ...

    async def on_pressed(self, event: Pressed) -> None: ...

    async def on_elapsed(self, event: Elapsed) -> None: ...

    async def abandon(self) -> None:
        """Stop: the call goes on with something else."""
        ...
