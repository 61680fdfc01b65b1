"""A person asks; somebody makes sure that it is them, puts the answer off, or refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.privacy.contracts import (
    CannotExtend,
    MethodUnfit,
    PersonUnknown,
    RightsInfo,
    RightsRequestNotFound,
    WrongRightsState,
)
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.opt_outs import opt_out
from ringfence.domains.privacy.profiles import profile_of
from ringfence.domains.privacy.queries import person_is_known
from ringfence.domains.privacy.rights_queries import rights_info
from ringfence.domains.privacy.rights_vocabulary import (
    OPT_OUTS,
    Channel,
    ExtensionReason,
    Jurisdiction,
    Method,
    Refusal,
    RightsKind,
    RightsState,
)
from ringfence.domains.privacy.rules import rights
from ringfence.domains.privacy.usecases.erase import find_person, request_erasure
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant

BUILD_TASK = "privacy.build_package"


def request_rights(
    tenant_id: UUID,
    who: UUID | Identifier | None,
    kind: RightsKind,
    jurisdiction: Jurisdiction,
    channel: Channel,
    *,
    actor: str,
) -> RightsInfo:
    """Note a request; nothing is done for it before it is verified, but for an opt-out: that holds
    when this returns, whoever asked, and also of whom nothing was known. The identifier goes no
    further than to the key store, which tells the person's random id. Whom it means nobody (or
    None) is answered too: by a receipt that nothing is held.

    Raises PersonUnknown for an id of nobody, Unavailable; ValueError for an appeal, which is made
    by ``appeal_refusal``, and an opt-out of nobody.
    """
    if kind is RightsKind.APPEAL:
        raise ValueError("an appeal is of a refusal")
    if isinstance(who, Identifier):
        person = None if kind in OPT_OUTS else find_person(tenant_id, who, actor=actor)
    elif who is None or person_is_known(tenant_id, who):
        person = who
    else:
        raise PersonUnknown("nobody of this tenant is meant")
    now = clock().now()
    terms = terms_for(tenant_id, jurisdiction)
    with tenant(tenant_id):
        row = RightsRequest(
            id=new_id(),
            tenant_id=tenant_id,
            kind=kind,
            person_id=person,
            jurisdiction=jurisdiction,
            channel=channel,
            received_at=now,
            acknowledge_by=rights.acknowledge_by(now, terms),
            due_at=rights.due_at(kind, now, terms),
        )
        if kind in OPT_OUTS:
            _opt_out(row, who, actor)
        row.save(using=APP, force_insert=True)
    return rights_info(row)


def _opt_out(row: RightsRequest, who: UUID | Identifier | None, actor: str) -> None:
    """It holds from now on; a job signs the receipt."""
    if who is None:
        raise ValueError("nobody is named who opts out")
    asked = public_id(Prefix.RIGHTS_REQUEST, row.id)
    row.person_id, row.evidence_id = opt_out(row.tenant_id, who, RightsKind(row.kind), asked, actor)
    row.state, row.method = RightsState.RUNNING, Method.NOT_NEEDED
    row.verified_at, row.verified_by = row.received_at, actor
    app.configure_task(BUILD_TASK).defer(request=row.id.hex)


def verify_request(tenant_id: UUID, request_id: UUID, method: Method, *, actor: str) -> RightsInfo:
    """The person themselves asks: a job of this transaction makes the package, or erases them.

    Raises RightsRequestNotFound, WrongRightsState, MethodUnfit.
    """
    if not rights.may_verify_by(method):
        raise MethodUnfit("this makes nobody known")
    with changing(tenant_id, request_id) as row:
        become(row, RightsState.VERIFIED)
        row.verified_at, row.verified_by, row.method = clock().now(), actor, method
        if row.kind == RightsKind.APPEAL:
            become(row, RightsState.RUNNING)
        elif row.person_id is None or rights.by_worker(RightsKind(row.kind)):
            app.configure_task(BUILD_TASK).defer(request=row.id.hex)
        else:
            row.erasure_id = request_erasure(tenant_id, row.person_id, actor=actor).id
            become(row, RightsState.RUNNING)
    return rights_info(row)


def extend_request(tenant_id: UUID, request_id: UUID, reason: ExtensionReason) -> RightsInfo:
    """Put the answer off, once. Raises RightsRequestNotFound, CannotExtend."""
    with changing(tenant_id, request_id) as row:
        state, extended = RightsState(row.state), row.extended_until is not None
        kind = RightsKind(row.kind)
        if not rights.may_extend(kind, state, extended, clock().now(), row.due_at):
            raise CannotExtend("it was extended, is over its end, is finished, or is an appeal")
        terms = terms_for(tenant_id, Jurisdiction(row.jurisdiction))
        row.extended_until = rights.extended_until(row.received_at, terms)
        row.extension_reason = reason
    return rights_info(row)


def refuse_request(tenant_id: UUID, request_id: UUID, reason: Refusal, *, actor: str) -> RightsInfo:
    """Do not meet a request. Raises RightsRequestNotFound, WrongRightsState."""
    with changing(tenant_id, request_id) as row:
        become(row, RightsState.REFUSED)
        row.refusal, row.completed_at, row.decided_by = reason, clock().now(), actor
    return rights_info(row)


def terms_for(tenant_id: UUID, jurisdiction: Jurisdiction) -> rights.Terms:
    """Of the profile that binds the tenant."""
    return rights.terms_of(jurisdiction, profile_of(tenant_id).rights)


_CHANGED = (
    "state",
    "verified_at",
    "verified_by",
    "method",
    "extended_until",
    "extension_reason",
    "refusal",
    "decided_by",
    "completed_at",
    "erasure_id",
)


@contextmanager
def changing(tenant_id: UUID, request_id: UUID) -> Iterator[RightsRequest]:
    """The row, for nobody else until the block ends; then it is saved."""
    with tenant(tenant_id):
        rows = RightsRequest.objects.using(APP).select_for_update()
        row = rows.filter(id=request_id, tenant_id=tenant_id).first()
        if row is None:
            raise RightsRequestNotFound("no such request")
        yield row
        row.save(using=APP, update_fields=_CHANGED)


def become(row: RightsRequest, wanted: RightsState) -> None:
    if not rights.may_become(RightsState(row.state), wanted):
        raise WrongRightsState(
            f"the request is {row.state}", details={"state": str(row.state), "wanted": str(wanted)}
        )
    row.state = wanted
