"""What every process but the egress process sends through."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from ringfence.platform.egress import EgressFailed, EgressRefused, Method, Response, Sending
from ringfence.platform.gate.messages import (
    Failure,
    FetchAsk,
    FetchReply,
    MailAsk,
    RestAsk,
    RestReply,
)
from ringfence.platform.gate.templates import TEMPLATES
from ringfence.platform.rpc import RpcClient, RpcError, RpcUnavailable
from ringfence.platform.settings import Settings

_SLACK = 1.0
"""Seconds that the gate may take beside the request itself."""
_WORTH = 0.25
"""Seconds that must be left to ask again."""
_MAIL_SECONDS = 60.0


class EgressClient:
    """``fetch`` as ``Egress`` has it, by the egress process. Belongs to one event loop; to be
    closed. Connects at the first use, and again when the process was started anew."""

    def __init__(self, settings: Settings) -> None:
        self._rpc = RpcClient(settings.egress_socket)
        self._started = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._started:
            await self._rpc.stop()

    async def fetch(
        self,
        method: Method,
        url: str,
        *,
        sending: Sending,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109 - over all hops, and part of the contract
        max_bytes: int,
        redirects: int = 0,
    ) -> Response:
        """One request, recorded before it is sent. Raises EgressRefused, EgressFailed."""
        self._start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        template = TEMPLATES.get(sending.template)
        again = template is not None and template.repeatable
        while True:
            left = deadline - loop.time()
            ask = FetchAsk(
                sending.template, sending.tenant, method, url, dict(headers or {}), body,
                left, max_bytes, redirects,
            )  # fmt: skip
            try:
                reply = await self._rpc.call("fetch", ask, FetchReply, timeout=left + _SLACK)
                return await self._response(reply)
            except RpcUnavailable:
                if not again or deadline - loop.time() < _WORTH:
                    raise _gone() from None
            except RpcError as error:
                raise _odd(error) from None

    async def mail(self, to: str, subject: str, text: str) -> None:
        """Hand one mail to the mail server. Raises EgressRefused, EgressFailed."""
        self._start()
        try:
            reply = await self._rpc.call(
                "mail", MailAsk(to, subject, text), FetchReply, timeout=_MAIL_SECONDS
            )
        except RpcUnavailable:
            raise _gone() from None
        except RpcError as error:
            raise _odd(error) from None
        if reply.failure is not None:
            raise _error(reply.failure)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._rpc.start()

    async def _response(self, reply: FetchReply) -> Response:
        """Raises RpcUnavailable, RpcError."""
        if reply.failure is not None:
            raise _error(reply.failure)
        parts, more = [reply.body], bool(reply.rest)
        while more:
            piece = await self._rpc.call("rest", RestAsk(reply.rest), RestReply, timeout=_SLACK * 5)
            parts.append(piece.body)
            more = piece.more
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return Response(reply.status, reply.headers, body, reply.url, reply.redirected)


def _error(failure: Failure) -> EgressRefused | EgressFailed:
    kind = EgressRefused if failure.refused else EgressFailed
    error = kind(failure.message, details=failure.details)
    error.code = failure.code
    return error


def _gone() -> EgressFailed:
    return EgressFailed("the egress process did not answer", details={"reason": "gate"})


def _odd(error: RpcError) -> EgressFailed:
    if error.code == "message_too_large":
        details = {"reason": "too_large", "status": None}
        return EgressFailed("the request is too large", details=details)
    return EgressFailed("the egress process failed", details={"reason": "gate"})
