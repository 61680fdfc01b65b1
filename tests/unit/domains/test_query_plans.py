"""Lists of calls are read by index, as the application's role and under row-level security."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db.models import QuerySet
from tests.keys_fixture import Keys

from ringfence.domains.calls.contracts import CallFilter
from ringfence.domains.calls.journal_queries import list_events
from ringfence.domains.calls.models import JournalEvent
from ringfence.domains.calls.queries import _matching, last_call_at
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.partitions import ensure_partitions
from ringfence.platform_django.tenancy import OWNER, tenant
from ringfence.platform_django.use import using

CALLS, TENANTS = 50_000, 40
CALLER, CALLEE = "+14155550142", "+12125550117"
_FILL = """
    INSERT INTO calls_call (id, tenant_id, direction, caller_id, callee_id, dialled, disposition,
        started_at, billed_seconds, flow_id)
    SELECT (lpad(to_hex(millis), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15)
        )::uuid, tenants[1 + n %% %(tenants)s],
        CASE WHEN k %% 60 = 7 THEN 'outbound' ELSE 'inbound' END,
        CASE WHEN k %% 50 = 0 THEN %(caller)s ELSE hash::uuid END,
        CASE WHEN k %% 70 = 35 THEN %(callee)s WHEN k %% 7 = 0 THEN md5(hash)::uuid END,
        CASE WHEN k %% 7 <> 0 THEN '+120255500' || 10 + k %% 40 END,
        'answered', to_timestamp(millis / 1000), 1,
        CASE WHEN k %% 80 = 9 THEN %(flow)s ELSE CASE WHEN k %% 2 = 0 THEN md5('flow')::uuid END END
    FROM generate_series(0, %(calls)s) AS n, LATERAL (
        SELECT md5(n::text) AS hash, %(ids)s::uuid[] AS tenants, n / %(tenants)s AS k,
            (%(end)s - n * 20000::bigint)::bigint AS millis
    ) AS made
"""

_TAG = """
    INSERT INTO calls_tag (call_id, name, tenant_id, value)
    SELECT id, 'team', tenant_id, 'team' || billed_seconds FROM calls_call
    UNION ALL
    SELECT id, 'vip', tenant_id, 'yes' FROM calls_call WHERE flow_id = %(flow)s
"""
FLOW = UUID(int=70)


@pytest.fixture
def crowd(db: DatabaseUrls, keys: Keys) -> Iterator[UUID]:
    """A tenant among others, whose calls are of the last twelve days."""
    ids = [new_id() for _ in range(TENANTS)]
    own = ids[0]
    caller, callee = keys.blocking("signalling").resolve(
        own, [Identifier("e164", number) for number in (CALLER, CALLEE)]
    )
    ensure_partitions(using=OWNER)
    with psycopg.connect(db.owner) as connection:
        values = {
            "end": clock().micros() // 1000, "calls": CALLS, "tenants": TENANTS, "ids": ids,
            "caller": caller.person, "callee": callee.person, "flow": FLOW,
        }  # fmt: skip
        connection.execute(_FILL, values)
        connection.execute(_TAG, values)
        connection.commit()
        connection.execute("ANALYZE calls_call")
        connection.execute("ANALYZE calls_tag")
    with using("service", "test"):
        yield own


def plan(owner: UUID, where: CallFilter) -> str:
    with tenant(owner):
        rows = _matching(owner, where).order_by("-id")[:51]
        assert len(list(rows)) > 0
        return rows.explain()


def partitions_with_rows(db: DatabaseUrls) -> set[str]:
    """Reading an empty one from end to end costs nothing."""
    with psycopg.connect(db.owner) as connection:
        return {
            name
            for table in (b"calls_call", b"calls_tag")
            for (name,) in connection.execute(
                b"SELECT DISTINCT tableoid::regclass::text FROM " + table
            )
        }


def test_lists_are_read_by_index(crowd: UUID, db: DatabaseUrls) -> None:
    filled = partitions_with_rows(db)
    now = clock().now()
    hour = CallFilter(since=now - timedelta(days=2), until=now - timedelta(days=2, hours=-1))
    for where, condition in (
        (CallFilter(), "tenant_id ="),
        (hour, "id >="),
        (CallFilter(from_number=CALLER), "caller_id ="),
        (CallFilter(to_number="+12025550015"), "dialled)::text ="),
        (CallFilter(to_number=CALLEE), "callee_id ="),
        (CallFilter(from_number=CALLER, since=now - timedelta(days=2)), "caller_id ="),
        (CallFilter(flow_id=FLOW), "flow_id ="),
        (CallFilter(direction="outbound"), "direction)::text ="),
        (CallFilter(tag="vip", tag_value="yes"), "value = 'yes'"),
        (CallFilter(tag="vip"), "'vip'::text"),
        (CallFilter(tag="team", tag_value="team1"), "tenant_id ="),
    ):
        text = plan(crowd, where)
        read_whole = set(re.findall(r"Seq Scan on (\w+)", text))
        assert not read_whole & filled, text
        conditions = [line for line in text.splitlines() if "Index Cond" in line]
        assert any(condition in line for line in conditions), text


def test_an_earlier_call_is_found_by_index(
    crowd: UUID, db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a flow that knows repeat callers costs at call setup."""
    plans: list[str] = []
    real = QuerySet.first

    def first(rows: QuerySet[Any]) -> Any:
        plans.append(rows.explain())
        return real(rows)

    monkeypatch.setattr(QuerySet, "first", first)
    before = new_id()
    latest = last_call_at(crowd, CALLER, before=before)
    assert latest is not None
    assert last_call_at(crowd, "+14155550143", before=before) is None, "a stranger"
    (text,) = plans
    assert "caller_id =" in text, text
    assert not set(re.findall(r"Seq Scan on (\w+)", text)) & partitions_with_rows(db), text


def test_the_journal_is_read_on_by_index(crowd: UUID, db: DatabaseUrls) -> None:
    with psycopg.connect(db.owner) as connection:
        connection.execute(
            "INSERT INTO calls_journal (call_id, seq, at, kind, tenant_id, data) "
            "SELECT id, n, started_at, 'leg.held', tenant_id, '{}' FROM calls_call, "
            "generate_series(1, 2) AS n"
        )
        connection.commit()
        connection.execute("ANALYZE calls_journal")
    half = list_events(crowd, limit=500).last
    assert half > 0
    with tenant(crowd):
        rows = JournalEvent.objects.filter(tenant_id=crowd, position__gt=half)
        text = rows.order_by("position")[:500].explain()
    assert re.search(r"Index Cond: .*tenant_id = .*position", text), text
