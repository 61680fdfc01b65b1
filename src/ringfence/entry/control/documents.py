"""Documents at URLs of tenants become programs: fetched, read, compiled, their audio brought in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from ringfence.domains.numbers.api import route
from ringfence.domains.trunks.api import list_all_trunks, list_trunks
from ringfence.engine.ports import ProgramRequest
from ringfence.engine.verbs.model import Program
from ringfence.engine.verbs.twiml import compile_document, remote_audio, with_audio
from ringfence.entry.control.emergency import marked
from ringfence.entry.control.remote_audio import NotPlayable, RemoteAudio
from ringfence.kernel.clock import Clock, SystemClock
from ringfence.kernel.errors import InvalidInput, RingfenceError
from ringfence.platform.egress import EgressFailed, EgressRefused, Outbound, Response, Sending
from ringfence.platform.gate.client import EgressClient
from ringfence.platform.settings import Settings
from ringfence.protocols import twiml
from ringfence.protocols.twiml.xml import MAX_BYTES

SECONDS = 10.0
"""For the document, with its redirects."""
TOTAL_SECONDS = 12.0
"""For the document and all of the audio that it plays: less than the asker waits."""
REDIRECTS = 5
MAX_FILES = 20
_TYPES = ("text/xml", "application/xml", "text/html")
_ACCEPT = "text/xml, application/xml;q=0.9, text/html;q=0.5"
_FORM = "application/x-www-form-urlencoded"

_log = logging.getLogger("ringfence.documents")


class DocumentUnreachable(RingfenceError):
    """No document came: name, connection, time, or a status other than 200; ``details.reason`` is
    that of EgressFailed, or ``status``; ``disk`` when its audio cannot be kept."""

    code = "document_unreachable"
    http_status = 502


class DocumentRefused(RingfenceError):
    """The URL, or one that it redirects to, may not be fetched; or it redirects too often."""

    code = "document_refused"
    http_status = 422


class DocumentTooLarge(RingfenceError):
    """More bytes than a document, or its audio, may have."""

    code = "document_too_large"
    http_status = 502


class DocumentInvalid(RingfenceError):
    """The document cannot be carried out; ``details.line`` where it is known."""

    code = "document_invalid"
    http_status = 502


@dataclass(frozen=True, slots=True)
class Asked:
    """What a document names and only the database knows."""

    numbers: frozenset[str]
    """E.164, dialled."""
    caller_ids: frozenset[str]
    """E.164, to be presented."""
    identities: frozenset[str]
    """Names of registered users."""

    def __bool__(self) -> bool:
        return bool(self.numbers or self.caller_ids or self.identities)


@dataclass(frozen=True, slots=True)
class Found:
    """What the database knows of it."""

    trunk: UUID | None = None
    """Where the tenant's calls to numbers leave."""
    caller_ids: frozenset[str] = frozenset()
    """Those that are numbers of the tenant."""
    devices: Mapping[str, UUID] = field(default_factory=dict)


Devices = Callable[[UUID, frozenset[str]], Mapping[str, UUID]]
"""Of a tenant's user names, those that are devices. Blocking."""
Run = Callable[[Callable[[], Found]], Awaitable[Found]]
"""Runs a blocking look-up: entry.control.database.DatabaseThreads.run."""


class Documents:
    """Answers ``program`` for a URL. Belongs to one event loop; to be closed."""

    def __init__(
        self,
        settings: Settings,
        run: Run,
        *,
        devices: Devices,
        egress: Outbound | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._egress: Outbound = egress or EgressClient(settings)
        self._run = run
        self._devices = devices
        self._audio = RemoteAudio(
            settings.speech_dir / "remote",
            self._egress,
            clock or SystemClock(),
            most_bytes=settings.speech.cache_bytes,
        )

    async def close(self) -> None:
        await self._egress.close()

    async def fetch_document(self, request: ProgramRequest) -> Program:
        """The program of the document at ``request.url``, which is told ``request.params``.

        Raises DocumentUnreachable, DocumentRefused, DocumentTooLarge, DocumentInvalid, and
        ControlUnavailable when what it names cannot be looked up.
        """
        url = request.url or ""
        deadline = asyncio.get_running_loop().time() + TOTAL_SECONDS
        try:
            answer = await self._ask(request, url)
        except (EgressRefused, EgressFailed) as error:
            raise _translated(error, "the document") from None
        document = _read(answer)
        if document.warnings:
            lines = sorted({warning.line for warning in document.warnings})
            kv = {"call": request.call.hex, "lines": lines}
            _log.info("something in a document is ignored", extra={"kv": kv})
        asked = _asked(document)
        found = Found()
        if asked:
            found = await self._run(partial(find, request.tenant, asked, self._devices))
        presentable = found.caller_ids | {request.params.get("From", "")}
        try:
            program = compile_document(
                document,
                answer.url if answer.redirected else url,
                trunk_for=lambda number: found.trunk,
                device_for=found.devices.get,
                may_present=presentable.__contains__,
            )
        except twiml.TwimlError as error:
            raise _invalid(error) from None
        return await self._with_audio(marked(program), request.tenant, deadline)

    async def _ask(self, request: ProgramRequest, url: str) -> Response:
        form, sending = urlencode(request.params), Sending("flow_document", request.tenant)
        if request.method == "GET":
            return await self._egress.fetch(
                "GET",
                _with_query(url, form),
                sending=sending,
                headers={"Accept": _ACCEPT},
                timeout=SECONDS,
                max_bytes=MAX_BYTES,
                redirects=REDIRECTS,
            )
        return await self._egress.fetch(
            "POST",
            url,
            sending=sending,
            headers={"Accept": _ACCEPT, "Content-Type": _FORM},
            body=form.encode(),
            timeout=SECONDS,
            max_bytes=MAX_BYTES,
            redirects=REDIRECTS,
        )

    async def _with_audio(self, program: Program, tenant: UUID, deadline: float) -> Program:
        urls = sorted(remote_audio(program))
        if not urls:
            return program
        if len(urls) > MAX_FILES:
            raise DocumentInvalid(f"a document plays at most {MAX_FILES} files")
        try:
            async with asyncio.timeout_at(deadline):
                files = (self._file(tenant, url) for url in urls)
                paths = await asyncio.gather(*files, return_exceptions=True)
        except TimeoutError:
            message = "the audio of the document did not come in time"
            raise DocumentUnreachable(message, details={"reason": "timeout"}) from None
        failed = next((path for path in paths if isinstance(path, BaseException)), None)
        if failed is not None:
            raise failed
        return with_audio(program, dict(zip(urls, map(str, paths), strict=True)))

    async def _file(self, tenant: UUID, url: str) -> str:
        try:
            return await self._audio.fetch(tenant, url)
        except (EgressRefused, EgressFailed) as error:
            raise _translated(error, "the audio of a <Play>") from None
        except NotPlayable as error:
            if error.status is not None:
                details = {"reason": "status", "status": error.status}
                raise DocumentUnreachable(error.message, details=details) from None
            raise DocumentInvalid(error.message) from None
        except InvalidInput as error:
            raise DocumentInvalid(f"the audio of a <Play>: {error.message}") from None
        except OSError:
            message = "the audio of a <Play> cannot be kept on this node"
            raise DocumentUnreachable(message, details={"reason": "disk"}) from None


def find(tenant: UUID, asked: Asked, devices: Devices) -> Found:
    """Look up what a document names. Blocking. Raises django.db.Error.

    Numbers are dialled through the tenant's oldest trunk that takes calls, else the operator's.
    """
    return Found(
        _trunk(tenant) if asked.numbers else None,
        frozenset(number for number in asked.caller_ids if _owner(number) == tenant),
        devices(tenant, asked.identities) if asked.identities else {},
    )


def _trunk(tenant: UUID) -> UUID | None:
    own = (trunk for trunk in list_trunks(tenant) if trunk.peer_host)
    chosen = next(own, None) or next(
        (trunk for trunk in list_all_trunks() if trunk.tenant_id is None and trunk.peer_host), None
    )
    return chosen.id if chosen else None


def _owner(number: str) -> UUID | None:
    plan = route(number)
    return plan.tenant_id if plan else None


def _asked(document: twiml.Document) -> Asked:
    dials = [verb for verb in document.verbs if isinstance(verb, twiml.Dial)]
    nouns = [noun for dial in dials for noun in dial.nouns]
    return Asked(
        frozenset(noun.number for noun in nouns if isinstance(noun, twiml.Number)),
        frozenset(dial.caller_id for dial in dials if dial.caller_id is not None),
        frozenset(noun.identity for noun in nouns if isinstance(noun, twiml.Client)),
    )


def _read(answer: Response) -> twiml.Document:
    if answer.status != 200:
        details = {"reason": "status", "status": answer.status}
        raise DocumentUnreachable("the document's server did not give it", details=details)
    label = answer.headers.get("content-type", "")
    if label.partition(";")[0].strip().lower() not in _TYPES:
        raise DocumentInvalid(f"a document is to be of type {' or '.join(_TYPES)}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise DocumentInvalid("the document is compressed although that was not asked for")
    try:
        return twiml.parse(answer.body, label)
    except twiml.TwimlError as error:
        raise _invalid(error) from None


def _with_query(url: str, form: str) -> str:
    """Parameters beside those that the URL has of its own."""
    address, _, _ = url.partition("#")
    if not form:
        return address
    return f"{address}{'&' if '?' in address else '?'}{form}"


def _translated(error: EgressRefused | EgressFailed, what: str) -> RingfenceError:
    details = error.details
    if isinstance(error, EgressRefused) or details["reason"] == "redirects":
        return DocumentRefused(f"{what} is not fetched: {error.message}", details=details)
    if details["reason"] == "too_large":
        return DocumentTooLarge(f"{what} is too large", details=details)
    return DocumentUnreachable(f"{what} did not come: {error.message}", details=details)


def _invalid(error: twiml.TwimlError) -> DocumentInvalid:
    return DocumentInvalid(str(error), details={"line": error.line, "reason": error.code})
