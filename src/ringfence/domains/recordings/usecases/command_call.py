"""A live call's recording is paused, resumed or stopped, by asking the process that holds it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from django.conf import settings

from ringfence.domains.recordings.contracts import (
    CallAction,
    CallCommand,
    CallNotLive,
    CallPlaneUnavailable,
    CallStateConflict,
)
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.rpc import RpcClient, RpcError, RpcUnavailable

_SECONDS = 2.0
_ERRORS: dict[str, type[RingfenceError]] = {
    error.code: error for error in (CallNotLive, CallStateConflict)
}


def command_call(tenant_id: UUID, call_id: UUID, action: CallAction) -> None:
    """Returns when it is done. Raises CallNotLive, CallStateConflict, CallPlaneUnavailable.

    For threads that are no event loop; each command is one connection.
    """
    asyncio.run(_ask(CallCommand(tenant_id, call_id, action)))


async def _ask(command: CallCommand) -> None:
    client = RpcClient(settings.RINGFENCE.signalling_socket)
    client.start()
    try:
        await client.call("command", command, type(None), timeout=_SECONDS)
    except RpcError as error:
        known = _ERRORS.get(error.code)
        if known is None:
            raise
        raise known(error.message) from None
    except RpcUnavailable:
        raise CallPlaneUnavailable("the process that holds the calls does not answer") from None
    finally:
        await client.stop()
