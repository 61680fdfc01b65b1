"""What leaves was recorded before, went to somebody who is registered, and was no sale."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import psycopg

from ringfence.entry.demo.offer import loopback_of
from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import database_urls
from ringfence.platform.egress import EgressFailed, EgressRefused, Sending
from ringfence.platform.gate.client import EgressClient

_OURS = ("tenant", "own")
_PURPOSES = frozenset({"service", "billing", "security", "legal"})
# What may be in what goes where is typed here once more: the gate's own list is not asked.
_FIELDS: dict[str, frozenset[str]] = {
    "webhook": frozenset({"type", "timestamp", "data"}),
    "flow_document": frozenset(
        {
            *("CallSid", "AccountSid", "ApiVersion", "From", "Caller", "To", "Called"),
            *("Direction", "CallStatus", "Digits", "DialCallStatus", "DialCallDuration"),
            *("RecordingSid", "RecordingDuration"),
        }
    ),
    "remote_audio": frozenset(),
    "sso": frozenset(
        {"grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier"}
    ),
    "mail": frozenset({"from", "to", "subject", "text"}),
}
_READ = """
    SELECT receiver, template, purpose, fields, min(id::text)
    FROM processors_sent
    WHERE refusal IS NULL AND id >= ringfence_uuid7_floor(%s)
    GROUP BY receiver, template, purpose, fields
"""
_SEEN = """
    SELECT id FROM processors_sent
    WHERE tenant_id = %s AND template = 'remote_audio' AND host = %s AND refusal IS NULL
    ORDER BY id DESC LIMIT 1
"""
_OPEN = "SELECT 1 FROM processors_sent WHERE id = %s AND outcome IS NULL"
_INSERT = """
    INSERT INTO processors_sent
        (id, tenant_id, receiver, template, purpose, host, fields, size, digest)
    VALUES (%s, %s, %s, %s, %s, 'examined.invalid', %s, 1, '')
"""
_LOOK_BACK = timedelta(days=30)
_SECONDS = 10.0


class ProbeFailed(Unavailable):
    """The gate did not answer the examiner's own request."""

    code = "probe_failed"


@dataclass(frozen=True)
class _Probe:
    """What became of two requests of the examiner's to a listener of its own."""

    row: UUID | None
    """Which row was there when the permitted one arrived; None: none, or it did not arrive."""
    arrived: bool
    stranger: bool
    """What nobody registered arrived."""


def _probe(site: Site) -> _Probe:
    """Made once in a run. Raises ProbeFailed, psycopg.Error."""
    if "ledger-complete" not in site.kept:
        site.kept["ledger-complete"] = _made(site)
    found: _Probe = site.kept["ledger-complete"]
    return found


def _made(site: Site) -> _Probe:
    host = f"{loopback_of(site.settings.data_dir)}.8"
    owner = database_urls(site.settings).owner
    came: list[str] = []
    rows: list[UUID] = []

    class Listen(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.path)
            if self.path == "/permitted":
                with psycopg.connect(owner) as now:  # sees what is committed, and nothing else
                    rows.extend(row[0] for row in now.execute(_SEEN, [site.canary.tenant, host]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is told."""

    with psycopg.connect(owner) as connection:
        before = {row[0] for row in connection.execute(_SEEN, [site.canary.tenant, host])}
    with HTTPServer((host, 0), Listen) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            url = f"http://{host}:{server.server_port}"
            _ask(site, "nobody_registered_this", f"{url}/stranger")
            _ask(site, "remote_audio", f"{url}/permitted")
        finally:
            server.shutdown()
            thread.join()
    row = next((one for one in rows if one not in before), None)
    _settle(owner, row)
    return _Probe(row, "/permitted" in came, "/stranger" in came)


def _settle(owner: str, row: UUID | None) -> None:
    """Wait for what became of it: a row that changes meanwhile cannot be planted upon."""
    deadline = time.monotonic() + _SECONDS
    with psycopg.connect(owner, autocommit=True) as connection:
        while time.monotonic() < deadline and connection.execute(_OPEN, [row]).fetchone():
            time.sleep(0.02)


def _ask(site: Site, template: str, url: str) -> None:
    async def ask() -> None:
        async with EgressClient(site.settings) as egress:
            try:
                sending = Sending(template, site.canary.tenant)
                await egress.fetch("GET", url, sending=sending, timeout=_SECONDS, max_bytes=100)
            except EgressRefused:
                return
            except EgressFailed as error:
                if error.details.get("reason") in ("gate", "ledger"):
                    raise ProbeFailed(error.message) from None

    asyncio.run(ask())


def _check(site: Site) -> list[Finding]:
    return [*_rows(site), *_of_probe(site)]


def _rows(site: Site) -> Iterator[Finding]:
    since = (SystemClock().now() - _LOOK_BACK).replace(tzinfo=None)
    for receiver, template, purpose, fields, id_ in site.database.execute(_READ, [since]):
        if receiver not in _OURS and receiver not in site.settings.processors:
            yield Finding("not_registered", f"row {id_}", receiver)
        if purpose not in _PURPOSES:
            yield Finding("purpose", f"row {id_}", purpose)
        allowed = _FIELDS.get(template)
        if allowed is None or any(name.split(".")[0] not in allowed for name in fields):
            yield Finding("field", f"row {id_}", template)


def _of_probe(site: Site) -> Iterator[Finding]:
    probe = _probe(site)
    if probe.stranger:
        yield Finding("stranger_left", "a request that nobody registered")
    if not probe.arrived:
        return
    still = (
        probe.row is not None
        and site.database.execute(
            "SELECT 1 FROM processors_sent WHERE id = %s", [probe.row]
        ).fetchone()
    )
    if not still:
        yield Finding("not_recorded", _PERMITTED)


_PERMITTED = "a request that the examiner received"


def _population(site: Site) -> int:
    _probe(site)
    row = site.database.execute(
        "SELECT count(*) FROM processors_sent WHERE refusal IS NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def _row(
    receiver: str, template: str, purpose: str, *fields: str
) -> Callable[[Site], AbstractContextManager[str]]:
    def plant(site: Site) -> AbstractContextManager[str]:
        id_ = uuid7(SystemClock())
        values = (id_, site.canary.tenant, receiver, template, purpose, list(fields))
        return site.planted(f"row {id_}", _INSERT, *values)

    return plant


def _row_missing(site: Site) -> AbstractContextManager[str]:
    """The row of what the examiner received is gone."""
    return site.planted(_PERMITTED, "DELETE FROM processors_sent WHERE id = %s", _probe(site).row)


_NO_SALE = ("CCA-03.0-01", "CMX-03.0-01", "CTX-03.0-01", "SIP-04.4-01", "CLX-04.0-01")
LEDGER_COMPLETE = Control(
    name="ledger-complete",
    says="What left was recorded before, in fields that may leave, to a registered receiver, and"
    " for no purpose of sale.",
    limits="Of the last 30 days. That a row precedes what it tells of is seen for one request of"
    " the examiner's own, where egress.allow_networks lets the gate reach its listener.",
    population=_population,
    check=_check,
    violations=(
        Violation("row-of-a-sale", _NO_SALE, _row("tenant", "webhook", "sale", "type")),
        Violation("row-of-marketing", _NO_SALE, _row("own", "mail", "marketing", "to")),
        Violation(
            "receiver-not-registered",
            (*_NO_SALE, "CMX-04.0-07"),
            _row("nobody-knows", "mail", "service", "to"),
        ),
        Violation(
            "field-not-allowed", ("CMX-04.0-07",), _row("tenant", "webhook", "service", "ssn")
        ),
        Violation("row-missing", ("CMX-04.0-07",), _row_missing),
    ),
)
