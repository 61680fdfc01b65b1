"""Fetch and redirect: the call goes on with another program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from ringfence.engine.calls.events import Command, Elapsed, Fetched, Pressed, Spoken
from ringfence.engine.calls.states import State
from ringfence.engine.ports import ProgramRequest
from ringfence.engine.verbs.model import Fetch, Program
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EventKind
from ringfence.kernel.ids import Prefix, public_id

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_log = logging.getLogger("ringfence.call")


class Fetching:
    """The program that a document or flow makes is asked for beside the call."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def start(self, verb: Fetch) -> None:
        call = self._call
        call.state, call.doing = State.FETCHING, self
        url = verb.url if verb.flow is None else None
        ask(call, self, flow=verb.flow, url=url, method=verb.method)

    async def on_spoken(self, event: Spoken) -> None:
        """Nothing is said."""

    async def on_pressed(self, event: Pressed) -> None:
        """Nobody asked."""

    async def on_elapsed(self, event: Elapsed) -> None:
        """Control keeps the time."""

    async def abandon(self) -> None:
        """What comes is not waited for any more."""


def ask(
    call: Call,
    asker: Fetching | Command,
    *,
    flow: UUID | None = None,
    url: str | None = None,
    method: Literal["GET", "POST"] = "POST",
) -> None:
    """Ask for a program; Fetched follows. A command fails when the call ends before."""
    assert call.log.tenant is not None
    request = ProgramRequest(call.log.tenant, call.id, flow, url, method, told(call))
    if isinstance(asker, Command):
        call.redirects.add(asker)

    async def fetch() -> None:
        found: Program | Exception
        try:
            found = await call.manager.control.program(request)
        except RingfenceError as error:
            found = error
        except Exception as error:
            _log.exception("program could not be asked for")
            found = error
        call.post(Fetched(asker, found))

    call.errand(fetch())


def told(call: Call) -> dict[str, str]:
    """What the server of a document learns of the call, by the names that TwiML servers know."""
    assert call.log.tenant is not None
    caller, called = call.caller_text or "anonymous", call.called
    return {
        "CallSid": public_id(Prefix.CALL, call.id),
        "AccountSid": public_id(Prefix.TENANT, call.log.tenant),
        "ApiVersion": "2010-04-01",
        "From": caller,
        "Caller": caller,
        "To": called,
        "Called": called,
        "Direction": "inbound" if call.inbound else "outbound-api",
        "CallStatus": "in-progress" if call.primary.answered else "ringing",
        **call.parameters,
    }


async def on_fetched(call: Call, event: Fetched) -> None:
    """It is here: what the call did before ends, and the new program begins."""
    asker, program = event.asker, event.found
    command = asker if isinstance(asker, Command) else None
    if command is None and call.doing is not asker:
        return  # redirected meanwhile
    if command is not None:
        call.redirects.discard(command)
        if command.done.cancelled():
            return  # its tenant was told that nothing came of it
    if isinstance(program, Exception):
        if command is not None:
            command.fail(program)
        else:
            await call.proceed("failed")
        return
    await call.abandon()
    call.log.event(
        EventKind.CALL_REDIRECTED,
        by="flow" if command is None else "api",
        flow=program.flow.hex if program.flow is not None else None,
        version=program.version,
    )
    assert call.interpreter is not None
    call.interpreter.replace(program)
    call.load(call.interpreter)
    call.recording_plan = None if program.unrecorded else call.later_plan
    call.parameters = {}
    if command is not None:
        command.succeed()
    await call.proceed(None)
