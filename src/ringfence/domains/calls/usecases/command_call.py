"""A tenant begins a call, or says what shall become of a live one: the process that holds the calls
is asked."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec
from django.conf import settings

from ringfence.domains.calls.contracts import (
    CallAction,
    CallCommand,
    CallerIdRefused,
    CallNotLive,
    CallPlaneUnavailable,
    CallStateConflict,
    NewCall,
    TargetInvalid,
    WalletEmpty,
)
from ringfence.domains.flows.contracts import FlowInvalid, FlowNotFound, FlowNotPublished
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.rpc import RpcClient, RpcError, RpcUnavailable
from ringfence.platform_django.clock import new_id

_SECONDS = 4.0
_ERRORS: dict[str, type[RingfenceError]] = {
    error.code: error
    for error in (
        CallNotLive, CallStateConflict, CallerIdRefused, TargetInvalid, WalletEmpty,
        FlowInvalid, FlowNotFound, FlowNotPublished,
    )
}  # fmt: skip
_AWAY = "the process that holds the calls does not answer"


def command_call(
    tenant_id: UUID,
    call_id: UUID,
    action: CallAction,
    *,
    flow: UUID | None = None,
    url: str | None = None,
) -> None:
    """Returns when it is done. To redirect needs a flow or the URL of a document.

    Raises CallNotLive, CallStateConflict, CallPlaneUnavailable; FlowNotFound, FlowNotPublished,
    FlowInvalid; RpcError with the code of what the call plane refuses else. For threads that are no
    event loop; each command is one connection.
    """
    _ask("command", CallCommand(tenant_id, call_id, action, flow, url))


def originate_call(
    tenant_id: UUID,
    to: str,
    caller_id: str,
    *,
    flow: UUID | None = None,
    url: str | None = None,
    timeout_seconds: int = 30,
) -> UUID:
    """Begin a call; its id, once it is in the journal of the call plane.

    Raises what ``command_call`` does, and CallerIdRefused, TargetInvalid, WalletEmpty.
    """
    call = new_id()
    _ask("originate", NewCall(tenant_id, call, to, caller_id, flow, url, timeout_seconds))
    return call


def say_by_call(tenant_id: UUID, call: UUID, to: str, caller_id: str, text: str) -> None:
    """Ring ``to`` and speak a text twice to whoever answers: it is kept nowhere, and the call is
    not recorded. ``call``: its id, a UUIDv7; the same id again rings nobody again.

    Raises what ``originate_call`` does.
    """
    _ask("originate", NewCall(tenant_id, call, to, caller_id, say=text))


def _ask(method: str, message: msgspec.Struct) -> None:
    asyncio.run(_call(method, message))


async def _call(method: str, message: msgspec.Struct) -> None:
    client = RpcClient(settings.RINGFENCE.signalling_socket)
    client.start()
    try:
        await client.call(method, message, type(None), timeout=_SECONDS)
    except RpcError as error:
        if error.code.endswith(Unavailable.code):
            raise CallPlaneUnavailable(_AWAY) from None
        known = _ERRORS.get(error.code)
        if known is None:
            raise
        raise known(error.message) from None
    except RpcUnavailable:
        raise CallPlaneUnavailable(_AWAY) from None
    finally:
        await client.stop()
