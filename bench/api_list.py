"""Lists of calls over HTTP: CPU of the processes that answer, and how long a client waits.

``BENCH_CALLS`` calls (default 1,000,000) of 20 tenants lie in 30 days, half of them one tenant's:
it asks, over one connection, pages of 50. What a page shows was sealed as the product seals it, and
is opened for each answer, its keys known to ``web``; what no page shows are bytes of the same
length. The client's CPU is not counted.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from bench.installed import Installed, command, cpu_seconds, installed
from bench.report import emit

_CALLS = int(os.environ.get("BENCH_CALLS", "1000000"))
_ROUNDS = int(os.environ.get("BENCH_ROUNDS", "400"))
_TENANTS, _PAGE, _DAYS = 20, 50, 30
_FREQUENT, _OWN = "+14155550100", "+12025550007"
_FLOW = UUID(int=7)
_RARE, _COMMON = "vip", "team-3"
_ID = (
    "(lpad(to_hex(at), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'"
    " || substr(md5(n::text), 4, 15))::uuid"
)
_TENANT = "(%(tenants)s::uuid[])[CASE WHEN n %% 2 = 0 THEN 1 ELSE 2 + (n / 2) %% 19 END]"
_ROWS = (
    "(SELECT n, %(first)s + n::bigint * %(step)s AS at FROM generate_series(1, %(calls)s) n) rows"
)
_FILL = (
    f"""
    INSERT INTO calls_call (id, tenant_id, direction, started_at, billed_seconds, disposition,
        caller_id, caller_sealed, dialled, country_code, area, flow_id, flow_version)
    SELECT {_ID}, {_TENANT}, 'inbound', to_timestamp(at / 1000.0), 60, 'answered',
        md5((n %% 300000)::text)::uuid,
        '\\x01'::bytea || sha256(n::text::bytea) || sha256(n::text::bytea),
        '+1202555' || lpad((n %% 499)::text, 4, '0'), 'US', '415',
        CASE WHEN n %% 10 = 0 THEN %(flow)s::uuid END, CASE WHEN n %% 10 = 0 THEN 1 END
    FROM {_ROWS}
    """,
    f"""
    INSERT INTO calls_tag (call_id, name, tenant_id, value)
    SELECT {_ID}, 'team', {_TENANT},
        CASE WHEN n %% 1000 = 0 THEN '{_RARE}' ELSE 'team-' || n %% 7 END
    FROM {_ROWS}
    """,
    f"""
    INSERT INTO calls_journal (call_id, seq, at, kind, tenant_id, data)
    SELECT {_ID}, 1, to_timestamp(at / 1000.0), 'call.started', {_TENANT},
        '{{"direction": "inbound", "country_code": "US", "area": "415"}}'
    FROM {_ROWS}
    """,
)


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"WEB__PORT": str(port), "WEB__REQUESTS_PER_MINUTE": "0"}
    with installed("control", **environment) as place:
        secret, paths = _prepare(place)
        with command("web") as web, _connection(place, port) as client:
            processes = {"web": web, "postgres": place.postgres, "keys": place.keys}
            for name, path in paths.items():
                size = _ask(client, secret, path)
                waits, before = [], {one: cpu_seconds(at) for one, at in processes.items()}
                for _ in range(_ROUNDS):
                    begun = time.perf_counter()
                    _ask(client, secret, path)
                    waits.append(time.perf_counter() - begun)
                waits.sort()
                emit("api_list", f"{name}: rows", size, "rows", 1)
                for one, at in processes.items():
                    spent = (cpu_seconds(at) - before[one]) / _ROUNDS
                    emit("api_list", f"{name}: cpu of {one}", spent * 1e3, "ms", _ROUNDS)
                for part in (50, 95):
                    wait = waits[_ROUNDS * part // 100]
                    emit("api_list", f"{name}: wait p{part}", wait * 1e3, "ms", _ROUNDS)


@contextmanager
def _connection(place: Installed, port: int) -> Iterator[http.client.HTTPConnection]:
    """Kept open; asks the API once it answers."""
    deadline = time.monotonic() + 60
    while True:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            client.request("GET", "/api/v1/openapi.json")
            assert client.getresponse().read()
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "web does not answer"
            time.sleep(0.2)
    try:
        yield client
    finally:
        client.close()


def _ask(client: http.client.HTTPConnection, secret: str, path: str) -> int:
    """How many rows the answer has; all their values opened."""
    client.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {secret}"})
    answer = client.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    found = json.loads(body)
    if "events" in found:
        return len(found["events"])
    calls: list[dict[str, Any]] = found["calls"]
    assert all(call["from_number"] and call["from_error"] is None for call in calls), body[:500]
    return len(calls)


def _prepare(place: Installed) -> tuple[str, dict[str, str]]:
    """A key of the tenant that asks, and what it asks for."""
    from django.db import connections

    from ringfence.domains.accounts import api as accounts
    from ringfence.kernel.ids import Prefix, public_id

    tenants = [accounts.create_tenant(f"T{index}").id for index in range(_TENANTS)]
    asking = tenants[0]
    secret = accounts.create_api_key(asking, purposes=("service",)).secret
    step = _DAYS * 86_400_000 // _CALLS
    first = int(datetime.now(UTC).timestamp() * 1000) - (_CALLS + 1) * step
    values: dict[str, Any] = {
        "first": first, "step": step, "tenants": tenants, "flow": _FLOW, "calls": _CALLS,
    }  # fmt: skip
    begun = time.perf_counter()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in _FILL:
            cursor.execute(statement, values)
        of_asking = "FROM calls_call WHERE tenant_id = %(tenant)s"
        asked: dict[str, Any] = {"tenant": asking, "page": _PAGE, "flow": _FLOW, "own": _OWN}

        def ids(query: str) -> list[UUID]:
            cursor.execute(query, asked)
            return [row[0] for row in cursor.fetchall()]

        newest = ids(f"SELECT id {of_asking} ORDER BY id DESC LIMIT %(page)s")
        # a hundred calls over the month are the frequent caller's
        every = max(2, _CALLS // 2 // (2 * _PAGE))
        frequent = ids(
            f"SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS nth {of_asking}) a"
            f" WHERE nth %% {every} = 0"
        )
        deep = ids(f"SELECT id {of_asking} ORDER BY id OFFSET 1000 LIMIT 2 * %(page)s")[::-1]
        shown = {*newest, *deep[_PAGE:], *frequent}
        for condition in (
            "flow_id = %(flow)s",
            "dialled = %(own)s",
            *(
                "id IN (SELECT call_id FROM calls_tag WHERE tenant_id = %(tenant)s"
                f" AND name = 'team' AND value = '{value}')"
                for value in (_RARE, _COMMON)
            ),
        ):
            shown.update(
                ids(f"SELECT id {of_asking} AND {condition} ORDER BY id DESC LIMIT %(page)s")
            )
        _seal(asking, frequent, sorted(shown))
        timeline = _whole_call(asking)
        cursor.execute("VACUUM ANALYZE calls_call, calls_tag, calls_journal")
        cursor.execute("SELECT pg_database_size(current_database())")
        (size,) = cursor.fetchall()[0]
    emit("api_list", "calls", _CALLS, "rows", 1)
    emit("api_list", "database", size / (1 << 20), "MiB", 1)
    emit("api_list", "fill", time.perf_counter() - begun, "s", _CALLS)
    number = urllib.parse.quote(_FREQUENT)
    return secret, {
        "newest": "/calls",
        "by caller's number": f"/calls?from_number={number}",
        "by own number": f"/calls?to_number={urllib.parse.quote(_OWN)}",
        "by flow": f"/calls?flow={public_id(Prefix.FLOW, _FLOW)}",
        "by a rare tag": f"/calls?tag=team&tag_value={_RARE}",
        "by a common tag": f"/calls?tag=team&tag_value={_COMMON}",
        "at the end of a deep cursor": f"/calls?before={public_id(Prefix.CALL, deep[_PAGE - 1])}",
        "one call's events": f"/calls/{public_id(Prefix.CALL, timeline)}/events",
    }


def _seal(tenant: UUID, frequent: Sequence[UUID], calls: Sequence[UUID]) -> None:
    """Give these calls callers whose numbers open: the frequent ones the same, others their own."""
    from ringfence.domains.calls.models import Call
    from ringfence.platform.keys.persons import Identifier
    from ringfence.platform_django.keys import keys
    from ringfence.platform_django.sealed import seal_field
    from ringfence.platform_django.tenancy import across_tenants

    same = set(frequent)
    numbers = [_FREQUENT if call in same else f"+1646555{at:04}" for at, call in enumerate(calls)]
    found = keys().resolve(tenant, [Identifier("e164", number) for number in numbers])
    with across_tenants("bench") as alias:
        rows = list(Call.objects.using(alias).filter(id__in=calls).order_by("id"))
        for row, person, number in zip(rows, found, numbers, strict=True):
            row.caller_id = person.person
            row.caller_sealed = seal_field(row, "caller_sealed", {"number": number})
        Call.objects.using(alias).bulk_update(rows, ["caller_id", "caller_sealed"], 100)


def _whole_call(tenant: UUID) -> UUID:
    """A call as the call plane wrote it, all parties of its events sealed."""
    from tests.population import seal_parties
    from tests.rated_calls import write_calls

    from ringfence.domains.calls.api import project_calls, store_events
    from ringfence.entry.control.translate import call_event
    from ringfence.kernel.fields import SealedFieldNumber

    stories = write_calls(tenant, 20, random.Random(1))
    story = max(stories, key=lambda one: len(one.records))
    leg = UUID(story.records[1].data["leg"])
    places = (SealedFieldNumber.CALL_CALLER, story.call), (SealedFieldNumber.LEG_PARTY, leg)
    callers = seal_parties(tenant, story.call, [(*place, _FREQUENT) for place in places])
    with_callers = zip(story.records, [*callers, *(None,) * len(story.records)], strict=False)
    store_events(
        [call_event(msgspec.structs.replace(record, caller=one)) for record, one in with_callers]
    )
    project_calls([story.call], node="bench", position=1)
    return story.call


if __name__ == "__main__":
    main()
