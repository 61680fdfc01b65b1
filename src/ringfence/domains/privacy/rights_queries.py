"""Reading rights requests: as the tenant they belong to, and for the jobs that go on with them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from ringfence.domains.privacy.contracts import (
    ErasureState,
    RightsInfo,
    RightsPage,
    RightsRequestNotFound,
)
from ringfence.domains.privacy.models import ErasureOrder, RightsRequest
from ringfence.domains.privacy.rights_vocabulary import (
    AuthorityKind,
    Channel,
    ExtensionReason,
    Jurisdiction,
    Method,
    Refusal,
    RightsKind,
    RightsState,
    StatementUse,
    Urgency,
)
from ringfence.domains.privacy.rules import rights
from ringfence.domains.privacy.rules.authority import Authority
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import APP, OPERATOR, tenant

MAX_PAGE = 200
_OPEN = (RightsState.RECEIVED, RightsState.VERIFIED, RightsState.RUNNING)


def get_rights_request(tenant_id: UUID, request_id: UUID) -> RightsInfo:
    """One request of a tenant. Raises RightsRequestNotFound."""
    with tenant(tenant_id):
        row = RightsRequest.objects.using(APP).filter(id=request_id, tenant_id=tenant_id).first()
    if row is None:
        raise RightsRequestNotFound("no such request")
    return rights_info(row)


def requests_of_person(tenant_id: UUID, person: UUID) -> tuple[RightsInfo, ...]:
    """What a person asked of a tenant, the newest first."""
    with tenant(tenant_id):
        rows = RightsRequest.objects.using(APP).filter(tenant_id=tenant_id, person_id=person)
        return tuple(rights_info(row) for row in rows.order_by("-id")[:MAX_PAGE])


def open_requests(tenant_id: UUID) -> tuple[RightsInfo, ...]:
    """The tenant's requests that are not finished, whose time ends first first."""
    end = Coalesce(F("extended_until"), F("due_at"))
    with tenant(tenant_id):
        rows = RightsRequest.objects.using(APP).filter(tenant_id=tenant_id, state__in=_OPEN)
        return tuple(rights_info(row) for row in rows.annotate(end=end).order_by("end", "id"))


def list_rights_requests(
    tenant_id: UUID,
    state: RightsState | None = None,
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> RightsPage:
    """The tenant's requests, newest first."""
    limit = min(max(limit, 1), MAX_PAGE)
    with tenant(tenant_id):
        rows = RightsRequest.objects.using(APP).filter(tenant_id=tenant_id).order_by("-id")
        if state is not None:
            rows = rows.filter(state=state)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = [rights_info(row) for row in rows[: limit + 1]]
    cursor = found[limit - 1].id if len(found) > limit else None
    return RightsPage(tuple(found[:limit]), cursor)


def requests_to_answer() -> list[UUID]:
    """Verified requests that a job answers and has not, also begun ones; oldest first."""
    rows = RightsRequest.objects.using(OPERATOR).filter(
        Q(kind__in=[kind for kind in RightsKind if rights.by_worker(kind)])
        | Q(person_id__isnull=True, kind__in=(RightsKind.DELETION, RightsKind.CORRECTION))
        | Q(kind=RightsKind.CHILD, erasure_id__isnull=True)
        | Q(
            kind__in=[kind for kind in RightsKind if rights.is_decided(kind)],
            decided_by__isnull=False,
        ),
        state__in=(RightsState.VERIFIED, RightsState.RUNNING),
    )
    return list(rows.order_by("id").values_list("id", flat=True))


def deletions_carried_out() -> list[UUID]:
    """Running requests whose erasure is cleaned."""
    rows = RightsRequest.objects.using(OPERATOR).filter(
        state=RightsState.RUNNING, erasure_id__isnull=False
    )
    pairs = rows.order_by("id").values_list("erasure_id", "id")
    erasures = {erasure: id_ for erasure, id_ in pairs if erasure is not None}
    cleaned = ErasureOrder.objects.using(OPERATOR).filter(
        id__in=list(erasures), state=ErasureState.CLEANED
    )
    return [erasures[erasure] for erasure in cleaned.order_by("id").values_list("id", flat=True)]


def urgent_requests() -> list[tuple[UUID, Urgency]]:
    """Open requests of all tenants whose time to answer ends soon, or has ended."""
    now = clock().now()
    end = Coalesce(F("extended_until"), F("due_at"))
    rows = RightsRequest.objects.using(OPERATOR).annotate(end=end)
    rows = rows.filter(Q(state__in=_OPEN), end__lte=now + rights.SOON).order_by("end")
    return [
        (id_, rights.urgency(RightsState(state), now, end))
        for id_, state, end in rows.values_list("id", "state", "end")
    ]


def urgent_infos() -> tuple[RightsInfo, ...]:
    """Open requests of all tenants whose time ends soon, or has ended; the sooner first."""
    rows = RightsRequest.objects.using(OPERATOR).in_bulk([id_ for id_, _ in urgent_requests()])
    return tuple(rights_info(row) for row in rows.values())


def authority_of(row: RightsRequest) -> Authority | None:
    """By what right somebody else asks, as it was shown."""
    if row.authority is None:
        return None
    return Authority(
        AuthorityKind(row.authority),
        row.authority_hash or "",
        row.authority_expires_at,
        row.confirmed_at,
    )


def first_of(row: RightsRequest) -> RightsRequest:
    """What the person first asked, which an appeal and what it brought back go on with."""
    rows = RightsRequest.objects.using(APP).filter(tenant_id=row.tenant_id)
    if row.follows_appeal is not None:
        row = rows.get(id=row.follows_appeal)
    return row if row.appeal_of is None else first_of(rows.get(id=row.appeal_of))


def agent_and_statement(tenant_id: UUID, request_id: UUID) -> dict[str, str]:
    """Who asks for the person (``agent``), where what they showed is kept (``reference``), and what
    the person says of their data (``statement``); what is not there, or does not open, is left
    out. Raises RightsRequestNotFound, PurposeRequired without a use, Unavailable."""
    with tenant(tenant_id):
        row = RightsRequest.objects.using(APP).filter(id=request_id, tenant_id=tenant_id).first()
        if row is None:
            raise RightsRequestNotFound("no such request")
        row = first_of(row)
    (opened,) = open_fields([row], "authority_sealed", "statement_sealed")
    found: dict[str, str] = dict(opened["authority_sealed"].value or {})
    if opened["statement_sealed"].value:
        found["statement"] = opened["statement_sealed"].value
    return {name: text for name, text in found.items() if text}


def rights_info(row: RightsRequest) -> RightsInfo:
    state = RightsState(row.state)
    return RightsInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        kind=RightsKind(row.kind),
        person=row.person_id,
        jurisdiction=Jurisdiction(row.jurisdiction),
        channel=Channel(row.channel),
        state=state,
        received_at=row.received_at,
        acknowledge_by=row.acknowledge_by,
        due_at=row.due_at,
        extended_until=row.extended_until,
        extension_reason=ExtensionReason(row.extension_reason) if row.extension_reason else None,
        verified_at=row.verified_at,
        verified_by=row.verified_by,
        method=Method(row.method) if row.method else None,
        refusal=Refusal(row.refusal) if row.refusal else None,
        completed_at=row.completed_at,
        erasure_id=row.erasure_id,
        evidence_id=row.evidence_id,
        authority=authority_of(row),
        statement_use=StatementUse(row.statement_use) if row.statement_use else None,
        decided_by=row.decided_by,
        lifted_at=row.lifted_at,
        lifted_hash=row.lifted_hash,
        appeal_of=row.appeal_of,
        follows_appeal=row.follows_appeal,
        package_bytes=row.package_bytes,
        urgency=rights.urgency(state, clock().now(), row.extended_until or row.due_at),
        receipt=row.receipt,
    )
