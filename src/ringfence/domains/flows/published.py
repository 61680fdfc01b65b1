"""Published flows: who uses what, and all that a call needs of one.

Publishing, and whatever must not happen while something published needs it, takes the tenant's
lock: of two at a time the second sees what the first did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import OuterRef, QuerySet, Subquery

from ringfence.domains.flows.contracts import (
    FlowInvalid,
    FlowNotPublished,
    PublishedFlow,
    PublishedParts,
    TargetInfo,
)
from ringfence.domains.flows.graph import Graph
from ringfence.domains.flows.models import Flow, FlowVersion, Target
from ringfence.domains.flows.neighbours import device_names
from ringfence.domains.flows.prompt_file import prompt_path
from ringfence.domains.flows.queries import find_flow, target_info
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.tenancy import APP, CALLPLANE, tenant

_REACHED = """
    WITH RECURSIVE reached (flow_id) AS (
        SELECT flow FROM unnest(%s::uuid[]) AS flow
        UNION
        SELECT unnest(v.uses_flows) FROM reached r
        JOIN flows_flow f ON f.id = r.flow_id AND NOT f.archived
        JOIN flows_version v ON v.tenant_id = f.tenant_id AND v.flow_id = f.id
            AND v.version = f.published_version
    )
    SELECT v.flow_id, v.version, v.graph, v.uses FROM reached r
    JOIN flows_flow f ON f.id = r.flow_id AND NOT f.archived
    JOIN flows_version v ON v.tenant_id = f.tenant_id AND v.flow_id = f.id
        AND v.version = f.published_version
"""
_LEADING = """
    WITH RECURSIVE lead_here (flow_id) AS (
        SELECT %s::uuid
        UNION
        SELECT v.flow_id FROM lead_here l
        JOIN flows_version v ON v.uses_flows @> ARRAY[l.flow_id]
        JOIN flows_flow f ON f.tenant_id = v.tenant_id AND f.id = v.flow_id AND NOT f.archived
            AND f.published_version = v.version
    )
    SELECT flow_id FROM lead_here
"""
MAX_CACHED = 10_000
_cache: dict[tuple[UUID, UUID], tuple[int, PublishedParts]] = {}
_cache_lock = Lock()


def lock_published(tenant_id: UUID) -> None:
    """Wait for whoever publishes in this tenant, until the transaction ends."""
    with connections[APP].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"flows:{tenant_id.hex}"]
        )


def _in_force(tenant_id: UUID) -> QuerySet[FlowVersion]:
    published = Flow.objects.filter(tenant_id=tenant_id, id=OuterRef("flow_id"), archived=False)
    return FlowVersion.objects.filter(
        tenant_id=tenant_id, version=Subquery(published.values("published_version")[:1])
    ).order_by("flow_id")


def flows_using(tenant_id: UUID, used: str) -> tuple[str, ...]:
    """Public ids of the tenant's published flows that name a prompt, target, trunk or device (by
    public id) or present a number (E.164). Within a transaction of the tenant, and locked."""
    lock_published(tenant_id)
    rows = _in_force(tenant_id).filter(uses__contains=[used])
    return tuple(public_id(Prefix.FLOW, row.flow_id) for row in rows.only("flow_id"))


def led_over(tenant_id: UUID, trunk_id: UUID) -> tuple[str, ...]:
    """Public ids of the tenant's targets over a trunk, and of its published flows that name it;
    within a transaction of the tenant."""
    rows = Target.objects.filter(tenant_id=tenant_id, trunk_id=trunk_id).order_by("id")
    targets = (public_id(Prefix.TARGET, id_) for id_ in rows.values_list("id", flat=True))
    return (*targets, *flows_using(tenant_id, public_id(Prefix.TRUNK, trunk_id)))


def leading_to_device(tenant_id: UUID, device_id: UUID) -> tuple[str, ...]:
    """Public ids of the tenant's targets of a device, and of its published flows that name it;
    within a transaction of the tenant."""
    rows = Target.objects.filter(tenant_id=tenant_id, device_id=device_id).order_by("id")
    targets = (public_id(Prefix.TARGET, id_) for id_ in rows.values_list("id", flat=True))
    return (*targets, *flows_using(tenant_id, public_id(Prefix.DEVICE, device_id)))


def flows_leading_to(flow_id: UUID) -> frozenset[UUID]:
    """Published flows from which a call can get to this one, and itself; within a transaction of
    their tenant."""
    with connections[APP].cursor() as cursor:
        cursor.execute(_LEADING, [flow_id])
        return frozenset(row[0] for row in cursor.fetchall())


def reached_from(flows: Iterable[UUID]) -> dict[UUID, tuple[int, Graph, frozenset[str]]]:
    """Version, graph and uses of each published flow that these reach, themselves included; within
    a transaction of their tenant. Raises FlowInvalid for a graph that is no longer understood."""
    with connections[APP].cursor() as cursor:
        cursor.execute(_REACHED, [list(flows)])
        rows = cursor.fetchall()
    return {
        flow_id: (version, _graph(flow_id, stored), frozenset(uses))
        for flow_id, version, stored, uses in rows
    }


def _graph(flow_id: UUID, stored: Any) -> Graph:
    graph, problems = parse_graph(json.loads(stored) if isinstance(stored, str) else stored)
    if graph is None:
        shown = [{"node": p.node, "field": p.field, "code": p.code} for p in problems]
        details = {"flow": public_id(Prefix.FLOW, flow_id), "problems": shown}
        raise FlowInvalid("a published flow must be published anew", details=details)
    return graph


def check_published(tenant_id: UUID, flow_id: UUID) -> None:
    """That calls can get a flow of the tenant, until the transaction ends.

    Raises FlowNotFound, FlowNotPublished.
    """
    with tenant(tenant_id):
        lock_published(tenant_id)
        if find_flow(tenant_id, flow_id).published_version is None:
            raise FlowNotPublished("the flow was never published")


def _revision(tenant_id: UUID) -> int:
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT ringfence_flows_revision(%s)", [tenant_id])
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def published_parts(tenant_id: UUID, flow_id: UUID) -> PublishedParts:
    """All that a call which gets this flow needs, as it is published now.

    Kept until something of the tenant's flows or targets changes: then one query, else three, four
    with devices. Raises FlowNotFound, FlowNotPublished, FlowInvalid, django.db.Error.
    """
    key = (tenant_id, flow_id)
    revision = _revision(tenant_id)  # read before the rows: what follows is at least as new
    known = _cache.get(key)
    if known is not None and known[0] == revision:
        return known[1]
    parts = _load(tenant_id, flow_id)
    with _cache_lock:
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[key] = (revision, parts)
    return parts


def _load(tenant_id: UUID, flow_id: UUID) -> PublishedParts:
    with tenant(tenant_id):
        found = reached_from([flow_id])
        if flow_id not in found:
            find_flow(tenant_id, flow_id)
            raise FlowNotPublished("the flow was never published")
        uses = frozenset().union(*(used for _, _, used in found.values()))
        targets = _targets(tenant_id, _ids(Prefix.TARGET, uses))
        devices = _ids(Prefix.DEVICE, uses) | {
            info.device_id for info in targets.values() if info.device_id is not None
        }
        names = device_names(tenant_id, devices)
    folder = settings.RINGFENCE.prompt_dir
    return PublishedParts(
        flows={id_: PublishedFlow(version, graph) for id_, (version, graph, _) in found.items()},
        prompts={
            id_: str(prompt_path(folder, tenant_id, id_)) for id_ in _ids(Prefix.PROMPT, uses)
        },
        targets=targets,
        devices=names,
    )


def _targets(tenant_id: UUID, wanted: frozenset[UUID]) -> Mapping[UUID, TargetInfo]:
    if not wanted:
        return {}
    rows = Target.objects.filter(tenant_id=tenant_id, id__in=wanted)
    return {row.id: target_info(row) for row in rows}


def _ids(prefix: Prefix, uses: frozenset[str]) -> frozenset[UUID]:
    return frozenset(parse_public_id(prefix, used) for used in uses if used.startswith(prefix))
