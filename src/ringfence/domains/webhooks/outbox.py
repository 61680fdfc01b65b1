"""Rows of the outbox between workers: who sends what now, and what became of it.

A claim is a lease: ``next_attempt_at`` moves to when another worker may take the row, and commits
at once; no transaction is open while something is sent. A worker that dies leaves its rows due
again. Whoever records an outcome must name its lease: what comes late, after another claim or a
replay, changes nothing, neither of the row nor of its endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.webhooks.contracts import DeliveryState, DisabledReason
from ringfence.domains.webhooks.rules.schedule import GIVE_UP_AFTER, Outcome, next_attempt
from ringfence.platform_django.tenancy import across_tenants

LEASE = timedelta(seconds=60)
"""Longer than an attempt and its record take."""
POSTPONE = timedelta(seconds=5)
KEPT_ATTEMPTS = 30
ENDPOINT_DISABLED = "endpoint_disabled"

# One step of the recursion is one probe of the index delivery_due: the next endpoint that anything
# waits for. An endpoint that fails is given one attempt at a time.
_CLAIM = """
    WITH RECURSIVE waiting AS (
        (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'pending'
        ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT d.endpoint_id FROM webhooks_delivery d
            WHERE d.state = 'pending' AND d.endpoint_id > w.endpoint_id
            ORDER BY d.endpoint_id LIMIT 1)
        FROM waiting w WHERE w.endpoint_id IS NOT NULL
    ), under_way AS (
        SELECT endpoint_id, n FROM unnest(%(endpoints)s::uuid[], %(busy)s::int[])
            AS b (endpoint_id, n)
    ), due AS (
        SELECT d.id, e.tenant_id, row_number() OVER (PARTITION BY e.tenant_id) AS nth
        FROM waiting w
        JOIN webhooks_endpoint e ON e.id = w.endpoint_id AND e.enabled
        LEFT JOIN under_way b ON b.endpoint_id = w.endpoint_id
        CROSS JOIN LATERAL (
            SELECT id FROM webhooks_delivery
            WHERE endpoint_id = w.endpoint_id AND state = 'pending' AND next_attempt_at <= %(now)s
            ORDER BY next_attempt_at
            LIMIT greatest(0, least(
                %(room)s,
                CASE WHEN e.failing_since IS NULL THEN %(each)s ELSE 1 END - coalesce(b.n, 0)))
            FOR UPDATE SKIP LOCKED
        ) AS d
    ), shared AS (
        SELECT due.id FROM due
        LEFT JOIN (
            SELECT e.tenant_id, sum(b.n) AS n
            FROM under_way b JOIN webhooks_endpoint e ON e.id = b.endpoint_id GROUP BY e.tenant_id
        ) AS t ON t.tenant_id = due.tenant_id
        WHERE due.nth <= %(share)s - coalesce(t.n, 0)
        ORDER BY due.nth
        LIMIT %(room)s
    )
    UPDATE webhooks_delivery SET attempts = attempts + 1, next_attempt_at = %(lease)s
    WHERE id IN (SELECT id FROM shared)
    RETURNING id, tenant_id, endpoint_id, type, data, occurred_at, attempts, next_attempt_at
"""
_SETTLE = """
    UPDATE webhooks_delivery d SET
        state = r.state,
        next_attempt_at = coalesce(r.next_at, d.next_attempt_at),
        delivered_at = CASE WHEN r.state = 'delivered' THEN r.at END,
        last_status = r.status,
        last_error = r.code,
        log = (CASE WHEN jsonb_array_length(d.log) >= %s THEN d.log - 0 ELSE d.log END) || r.entry
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::timestamptz[],
        %s::int[], %s::text[], %s::jsonb[])
        AS r (id, lease, state, next_at, at, status, code, entry)
    WHERE d.id = r.id AND d.next_attempt_at = r.lease
        AND (d.state = 'pending' OR r.state = 'delivered')
    RETURNING d.id
"""
_POSTPONE = """
    UPDATE webhooks_delivery d SET attempts = d.attempts - 1, next_attempt_at = %s
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS r (id, lease)
    WHERE d.id = r.id AND d.next_attempt_at = r.lease AND d.state = 'pending'
"""
_SUCCEEDED = """
    UPDATE webhooks_endpoint SET failing_since = NULL
    WHERE id = ANY(%s) AND failing_since IS NOT NULL
"""
_FAILED = """
    UPDATE webhooks_endpoint SET failing_since = %s WHERE id = ANY(%s) AND failing_since IS NULL
"""
_GIVEN_UP = """
    SELECT id FROM webhooks_endpoint WHERE id = ANY(%s) AND enabled AND failing_since <= %s
"""
_DISABLE = """
    UPDATE webhooks_endpoint SET enabled = false, disabled_reason = %s
    WHERE id = ANY(%s) AND enabled
"""
_BURY = """
    UPDATE webhooks_delivery SET state = 'dead', last_error = %s
    WHERE endpoint_id = ANY(%s) AND state = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker, and no other, attempts now."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    type: str
    data: dict[str, Any]
    occurred_at: datetime
    attempts: int
    lease: datetime
    """Until when; it names this claim."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a claim. ``outcome`` None: nothing was sent, for a reason of ours."""

    claim: Claim
    at: datetime
    outcome: Outcome | None = None
    status: int | None = None
    code: str | None = None
    ms: int = 0
    bytes: int = 0
    chance: float = field(default=0.5)
    """Where within its jitter the next attempt lies."""


def claim(
    now: datetime, *, room: int, each: int, share: int, busy: Mapping[UUID, int]
) -> list[Claim]:
    """Up to ``room`` deliveries that are due, so that no endpoint has more than ``each`` and no
    tenant more than ``share`` under way; ``busy``: how many an endpoint has already. Tenants take
    turns. Raises django.db.Error."""
    with across_tenants("webhooks") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "endpoints": list(busy),
                "busy": list(busy.values()),
                "now": now,
                "lease": now + LEASE,
                "each": each,
                "share": share,
                "room": room,
            },
        )
        return [
            Claim(id_, tenant, endpoint, type_, _decode(data), at, attempts, lease)
            for id_, tenant, endpoint, type_, data, at, attempts, lease in cursor.fetchall()
        ]


def settle(attempts: Sequence[Attempt]) -> None:
    """Record what became of claims, and what that says of their endpoints; may be repeated.

    Raises django.db.Error.
    """
    made = [attempt for attempt in attempts if attempt.outcome is not None]
    unmade = [attempt for attempt in attempts if attempt.outcome is None]
    with across_tenants("webhooks") as alias, connections[alias].cursor() as cursor:
        if made:
            columns = zip(*map(_settled, made), strict=True)
            cursor.execute(_SETTLE, [KEPT_ATTEMPTS, *map(list, columns)])
            in_time = {row[0] for row in cursor.fetchall()}
            _judge(cursor, [attempt for attempt in made if attempt.claim.id in in_time])
        if unmade:
            later = max(attempt.at for attempt in unmade) + POSTPONE
            ids = [attempt.claim.id for attempt in unmade]
            cursor.execute(_POSTPONE, [later, ids, [one.claim.lease for one in unmade]])


def disable(cursor: Any, endpoints: Sequence[UUID], reason: DisabledReason) -> None:
    """Send nothing more to these; what waits for them is dead."""
    cursor.execute(_DISABLE, [reason.value, list(endpoints)])
    cursor.execute(_BURY, [ENDPOINT_DISABLED, list(endpoints)])


def _settled(attempt: Attempt) -> tuple[Any, ...]:
    claim_, delivered = attempt.claim, attempt.outcome is Outcome.DELIVERED
    again = None
    if attempt.outcome is Outcome.FAILED:
        again = next_attempt(claim_.attempts, attempt.at, attempt.chance)
    state = DeliveryState.DEAD if again is None else DeliveryState.PENDING
    entry = {
        "at": attempt.at.isoformat(),
        "ms": attempt.ms,
        "status": attempt.status,
        "code": attempt.code,
        "bytes": attempt.bytes,
    }
    return (
        *(claim_.id, claim_.lease, DeliveryState.DELIVERED if delivered else state, again),
        *(attempt.at, attempt.status, attempt.code, msgspec.json.encode(entry).decode()),
    )


def _judge(cursor: Any, attempts: Sequence[Attempt]) -> None:
    by: dict[Outcome | None, set[UUID]] = {}
    for attempt in attempts:
        by.setdefault(attempt.outcome, set()).add(attempt.claim.endpoint_id)
    good = by.get(Outcome.DELIVERED, set())
    bad = by.get(Outcome.FAILED, set()) - good
    gone = by.get(Outcome.GONE, set())
    now = max((attempt.at for attempt in attempts), default=None)
    if good:
        cursor.execute(_SUCCEEDED, [sorted(good)])
    if bad and now is not None:
        cursor.execute(_FAILED, [now, sorted(bad)])
        cursor.execute(_GIVEN_UP, [sorted(bad), now - GIVE_UP_AFTER])
        failing = [row[0] for row in cursor.fetchall()]
        if failing:
            disable(cursor, failing, DisabledReason.FAILING)
    if gone:
        disable(cursor, sorted(gone), DisabledReason.GONE)


def _decode(data: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(data) if isinstance(data, str | bytes) else data
    return decoded
