"""A refusal is appealed, and somebody else than who refused decides."""

from __future__ import annotations

from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.privacy.contracts import (
    CannotAppeal,
    RefusedBySame,
    RightsInfo,
    RightsRequestNotFound,
    WrongRightsState,
)
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.rights_queries import rights_info
from ringfence.domains.privacy.rights_vocabulary import (
    Channel,
    Jurisdiction,
    Method,
    Refusal,
    RightsKind,
    RightsState,
)
from ringfence.domains.privacy.rules import rights
from ringfence.domains.privacy.usecases.request_rights import (
    BUILD_TASK,
    changing,
    terms_for,
    verify_request,
)
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant


def appeal_refusal(tenant_id: UUID, request_id: UUID, channel: Channel) -> RightsInfo:
    """Note an appeal of a refused request; it is verified as any other. Once for each refusal.

    Raises RightsRequestNotFound, CannotAppeal.
    """
    now = clock().now()
    with tenant(tenant_id):
        refused = _locked(tenant_id, request_id)
        refusal = Refusal(refused.refusal) if refused.refusal else None
        of_kind = RightsKind(refused.kind)
        if not rights.may_appeal(of_kind, RightsState(refused.state), refusal) or _appealed(
            refused
        ):
            raise CannotAppeal("this is not refused, or was appealed")
        jurisdiction = Jurisdiction(refused.jurisdiction)
        terms = terms_for(tenant_id, jurisdiction)
        row = RightsRequest.objects.using(APP).create(
            id=new_id(),
            tenant_id=tenant_id,
            kind=RightsKind.APPEAL,
            person_id=refused.person_id,
            jurisdiction=jurisdiction,
            channel=channel,
            received_at=now,
            acknowledge_by=rights.acknowledge_by(now, terms),
            due_at=rights.appeal_due_at(now, jurisdiction, terms),
            appeal_of=refused.id,
        )
    return rights_info(row)


def decide_appeal(
    tenant_id: UUID, appeal_id: UUID, refusal: Refusal | None, *, actor: str
) -> RightsInfo:
    """Refuse a verified appeal for a reason, or (None) take up again what was refused, as a request
    of its own that counts from today and is verified as the appeal was.

    Raises RightsRequestNotFound, WrongRightsState, RefusedBySame.
    """
    with changing(tenant_id, appeal_id) as row:
        if row.kind != RightsKind.APPEAL or row.state != RightsState.RUNNING or row.decided_by:
            raise WrongRightsState("a verified appeal is decided, once")
        assert row.appeal_of is not None and row.method is not None
        refused = _locked(tenant_id, row.appeal_of)
        if refused.decided_by == actor:
            raise RefusedBySame("somebody else decides than who refused")
        row.decided_by = actor
        if refusal is not None:
            row.state, row.refusal = RightsState.REFUSED, refusal
            row.completed_at = clock().now()
        else:
            _take_up_again(refused, row, Method(row.method), actor)
            app.configure_task(BUILD_TASK).defer(request=row.id.hex)
    return rights_info(row)


def _take_up_again(
    refused: RightsRequest, appeal: RightsRequest, method: Method, actor: str
) -> None:
    now, jurisdiction = clock().now(), Jurisdiction(refused.jurisdiction)
    terms = terms_for(refused.tenant_id, jurisdiction)
    again = RightsRequest.objects.using(APP).create(
        id=new_id(),
        tenant_id=refused.tenant_id,
        kind=refused.kind,
        person_id=refused.person_id,
        jurisdiction=jurisdiction,
        channel=refused.channel,
        received_at=now,
        acknowledge_by=rights.acknowledge_by(now, terms),
        due_at=rights.due_at(RightsKind(refused.kind), now, terms),
        follows_appeal=appeal.id,
    )
    verify_request(refused.tenant_id, again.id, method, actor=actor)


def _locked(tenant_id: UUID, request_id: UUID) -> RightsRequest:
    rows = RightsRequest.objects.using(APP).select_for_update()
    row = rows.filter(id=request_id, tenant_id=tenant_id).first()
    if row is None:
        raise RightsRequestNotFound("no such request")
    return row


def _appealed(row: RightsRequest) -> bool:
    return RightsRequest.objects.using(APP).filter(appeal_of=row.id).exists()
