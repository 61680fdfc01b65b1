"""The gate itself: decides, records, and only then sends."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import smtplib
from collections import OrderedDict
from collections.abc import Collection
from ipaddress import ip_address
from typing import cast
from uuid import UUID

from yarl import URL

from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import uuid7
from ringfence.platform.egress import (
    Egress,
    EgressFailed,
    EgressRefused,
    Method,
    Response,
    is_public,
)
from ringfence.platform.gate import rules
from ringfence.platform.gate.ledger import Ledger
from ringfence.platform.gate.messages import (
    Failure,
    FetchAsk,
    FetchReply,
    MailAsk,
    RestAsk,
    RestReply,
    Row,
)
from ringfence.platform.gate.smtp import SmtpServer
from ringfence.platform.settings import Settings

PIECE = 1 << 20
_MOST_RESTS = 64
"""Long answers whose rest nobody asked for yet."""


class Gate:
    """Answers the requests of the socket. Belongs to one event loop; to be closed."""

    def __init__(
        self, settings: Settings, ledger: Ledger, clock: Clock, secret: str, egress: Egress
    ) -> None:
        self._processors = settings.processors
        self._regions = settings.egress.regions
        self._mail = settings.mail
        self._ledger = ledger
        self._clock = clock
        self._secret = secret.encode()
        self._egress = egress
        self._rests: OrderedDict[int, bytes] = OrderedDict()
        self._next_rest = 1

    async def close(self) -> None:
        await self._egress.close()

    async def fetch(self, ask: FetchAsk) -> FetchReply:
        """What ``fetch`` answers; it raises nothing that is of the request."""
        trip = _Trip(self, ask)
        try:
            answer = await self._egress.fetch(
                cast(Method, ask.method),
                ask.url,
                headers=ask.headers,
                body=ask.body,
                timeout=ask.timeout,
                max_bytes=ask.max_bytes,
                redirects=ask.redirects,
                before=trip.before,
            )
        except (EgressRefused, EgressFailed) as error:
            trip.end(str(error.details.get("reason", error.code)))
            return FetchReply(_failure(error))
        except BaseException:
            trip.end("cut_off")
            raise
        trip.end("answered", answer.status)
        return self._reply(answer)

    def rest(self, ask: RestAsk) -> RestReply:
        """The next piece of a long answer. Raises EgressFailed when it is there no more."""
        body = self._rests.pop(ask.rest, None)
        if body is None:
            raise EgressFailed("the rest of the answer is gone", details={"reason": "gate"})
        if len(body) > PIECE:
            self._rests[ask.rest] = body[PIECE:]
        return RestReply(body[:PIECE], len(body) > PIECE)

    async def mail(self, ask: MailAsk) -> FetchReply:
        """Hand a mail to the server of the settings."""
        row: UUID | None = None
        try:
            if self._mail.smtp_url is None:
                raise rules.refuse(rules.Refusal.NOT_REGISTERED, "no mail server is set")
            server = SmtpServer.of(self._mail.smtp_url)
            size = len(ask.text.encode())
            row = await self.admit(
                "mail", None, server.host, {"from", "to", "subject", "text"},
                size, ask.text.encode(),
            )  # fmt: skip
            await asyncio.to_thread(server.send, self._mail.sender, ask, self._clock.now())
        except (EgressRefused, EgressFailed) as error:
            if row is not None:
                self._ledger.end(row, str(error.details.get("reason", error.code)))
            return FetchReply(_failure(error))
        except (smtplib.SMTPException, OSError) as error:
            if row is not None:
                self._ledger.end(row, "not_taken", getattr(error, "smtp_code", None))
            failed = EgressFailed("the mail server did not take it", details={"reason": "smtp"})
            return FetchReply(_failure(failed))
        except BaseException:
            if row is not None:
                self._ledger.end(row, "cut_off")
            raise
        self._ledger.end(row, "answered", 250)
        return FetchReply(status=250)

    async def admit(
        self,
        name: str,
        tenant: UUID | None,
        host: str,
        present: Collection[str],
        size: int,
        body: bytes,
    ) -> UUID:
        """Decide and record; the row's id when it may leave. Raises EgressRefused, EgressFailed."""
        receiver, purpose = rules.TENANT, ""
        try:
            template = rules.find_template(name, tenant=tenant is not None)
            purpose = template.purpose
            own = template.receiver == "processor" and await self._is_own(host)
            receiver, allowed = rules.find_receiver(
                template, host, self._processors,
                own=own, today=self._clock.now().date(), regions=self._regions,
            )  # fmt: skip
            fields = rules.check_fields(present, allowed)
        except EgressRefused as error:
            await self._record(
                name[:40], receiver, purpose, tenant, host, (), size, body, error.code
            )
            raise
        return await self._record(name, receiver, purpose, tenant, host, fields, size, body, "")

    async def _record(
        self,
        name: str,
        receiver: str,
        purpose: str,
        tenant: UUID | None,
        host: str,
        fields: tuple[str, ...],
        size: int,
        body: bytes,
        refusal: str,
    ) -> UUID:
        id_ = uuid7(self._clock)
        digest = hmac.digest(self._secret, body, hashlib.sha256().name)
        row = Row(
            id_, tenant, receiver, name, purpose, host[:253], fields, size, digest, refusal
        )  # fmt: skip
        await self._ledger.begin(row)
        return id_

    def end(self, row: UUID, outcome: str, status: int | None = None) -> None:
        """Say what became of a row."""
        self._ledger.end(row, outcome, status)

    async def _is_own(self, host: str) -> bool:
        """Whether every address of a host is in the operator's own networks."""
        try:
            addresses = await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError:
            return False
        return bool(addresses) and not any(is_public(ip_address(one[4][0])) for one in addresses)

    def _reply(self, answer: Response) -> FetchReply:
        body, rest = answer.body, 0
        if len(body) > PIECE:
            rest, self._next_rest = self._next_rest, self._next_rest + 1
            self._rests[rest] = body[PIECE:]
            body = body[:PIECE]
            while len(self._rests) > _MOST_RESTS:
                self._rests.popitem(last=False)
        return FetchReply(
            None, answer.status, dict(answer.headers), body, answer.url, answer.redirected, rest
        )


class _Trip:
    """One request through the gate, hop by hop: each hop has a row of its own."""

    def __init__(self, gate: Gate, ask: FetchAsk) -> None:
        self._gate = gate
        self._ask = ask
        self._row: UUID | None = None

    async def before(self, method: str, url: URL, body: bytes | None) -> None:
        self.end("redirected")
        kind = next((v for k, v in self._ask.headers.items() if k.lower() == "content-type"), "")
        self._row = await self._gate.admit(
            self._ask.template,
            self._ask.tenant,
            (url.raw_host or "").lower(),
            rules.fields_of(body, kind),
            len(body or b""),
            body or b"",
        )

    def end(self, outcome: str, status: int | None = None) -> None:
        row, self._row = self._row, None
        if row is not None:
            self._gate.end(row, outcome, status)


def _failure(error: RingfenceError) -> Failure:
    return Failure(isinstance(error, EgressRefused), error.code, error.message, error.details)
