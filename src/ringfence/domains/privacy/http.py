"""REST API of erasures and of the requests of data subjects."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict

from ringfence.domains.privacy import api
from ringfence.domains.privacy.contracts import (
    ErasureInfo,
    OnBehalf,
    ParentEvidence,
    ReportUnfit,
    RightsInfo,
)
from ringfence.domains.privacy.rights_vocabulary import RightsKind
from ringfence.domains.privacy.schemas import (
    AppealDecisionIn,
    AppealIn,
    ExtensionIn,
    LiftIn,
    OnBehalfIn,
    RefusalIn,
    RightsIn,
    RightsList,
    RightsOut,
    RightsQuery,
    VerificationIn,
    rights_out,
)
from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.admission import InsufficientScope
from ringfence.platform_django.http import OPENS, Caller, caller_of, requires, responses
from ringfence.platform_django.use import current_actor

router = Router(tags=["privacy"])
_ERASE, _RIGHTS = "privacy:erase", "privacy:rights"
_ZIP: dict[int, Any] = {200: {"content": {"application/zip": {}}}}


class NobodyNamed(InvalidInput):
    """What is asked is about one person: give a number in E.164, or the id of a person."""

    code = "nobody_named"


class ErasureIn(Schema):
    """Who is to be erased: exactly one of both."""

    model_config = ConfigDict(extra="forbid")

    number: str | None = None
    """E.164."""
    person: str | None = None
    """``PE`` and 32 hex digits, or these alone."""


class ErasureOut(Schema):
    """How far an erasure is: ``ordered``, ``destroyed`` (no key exists any more), ``cleaned``."""

    id: str
    state: str
    ordered_at: datetime
    destroyed_at: datetime | None
    cleaned_at: datetime | None
    items: int
    rows: int
    escrowed: int
    certificate: dict[str, Any] | None
    """Once it is ``cleaned``: what was destroyed by which rule, signed by the installation
    (Ed25519); ``tools/recheck.py`` checks it."""


@router.post(
    "/erasures", response=responses(ErasureOut, 404, 422, success=202), operation_id="erase_person"
)
@requires(_ERASE)
def erase_person(request: HttpRequest, body: ErasureIn) -> Status[ErasureOut]:
    """Erase a person. Accepted when it is ordered; a job carries it out."""
    who = _who(body)
    tenant, actor = caller_of(request).tenant_id, current_actor()
    if isinstance(who, Identifier):
        info = api.request_identifier_erasure(tenant, who, actor=actor)
    else:
        info = api.request_erasure(tenant, who, actor=actor)
    return Status(202, _out(info))


@router.get(
    "/erasures/{erasure_id}", response=responses(ErasureOut, 404, 422), operation_id="get_erasure"
)
@requires(_ERASE)
def get_erasure(request: HttpRequest, erasure_id: str) -> ErasureOut:
    """How far an erasure is."""
    id_ = parse_public_id(Prefix.ERASURE, erasure_id)
    return _out(api.get_erasure(caller_of(request).tenant_id, id_))


@router.post(
    "/rights-requests",
    response=responses(RightsOut, 404, 409, 422, success=201),
    operation_id="create_rights_request",
)
@requires(_RIGHTS)
def create_rights_request(request: HttpRequest, body: RightsIn) -> Status[RightsOut]:
    """Note what a person asks. Nothing is done for it before it is verified, but for an opt-out,
    which holds when this answers, and a report that they are a child: from then on nothing of
    theirs is used, and it is verified by ``confirmed``. A number that means nobody is answered too:
    the receipt says that nothing is held; one who opts out becomes known by it."""
    if body.marked:
        return Status(201, rights_out(_mark(caller_of(request), body)))
    info = api.request_rights(
        caller_of(request).tenant_id,
        _who(body),
        body.kind,
        body.jurisdiction,
        body.channel,
        on_behalf=_agent(body.on_behalf),
        statement=body.statement,
        actor=current_actor(),
    )
    return Status(201, rights_out(info))


@router.get(
    "/rights-requests", response=responses(RightsList, 422), operation_id="list_rights_requests"
)
@requires(_RIGHTS)
def list_rights_requests(request: HttpRequest, query: Query[RightsQuery]) -> RightsList:
    """The tenant's requests, newest first."""
    page = api.list_rights_requests(
        caller_of(request).tenant_id, query.state, before=query.before_id, limit=query.limit
    )
    cursor = page.next_cursor
    return RightsList(
        requests=[rights_out(info) for info in page.requests],
        next=None if cursor is None else public_id(Prefix.RIGHTS_REQUEST, cursor),
    )


@router.get(
    "/rights-requests/{request_id}",
    response=responses(RightsOut, 404, 422),
    operation_id="get_rights_request",
)
@requires(_RIGHTS)
def get_rights_request(request: HttpRequest, request_id: str) -> RightsOut:
    """One request, how far it is, and its receipt."""
    return rights_out(api.get_rights_request(caller_of(request).tenant_id, _rights(request_id)))


@router.post(
    "/rights-requests/{request_id}/verify",
    response=responses(RightsOut, 404, 409, 422),
    operation_id="verify_rights_request",
)
@requires(_RIGHTS)
def verify_rights_request(request: HttpRequest, request_id: str, body: VerificationIn) -> RightsOut:
    """The person themselves asks, or an agent by the authority that was told, which the caller
    answers for: a job makes the package, or erases
    the person. To verify a deletion, or that they are a child, needs ``privacy:erase`` as well."""
    caller, id_ = caller_of(request), _rights(request_id)
    _may_verify(caller, api.get_rights_request(caller.tenant_id, id_))
    actor = current_actor()
    return rights_out(api.verify_request(caller.tenant_id, id_, body.method, actor=actor))


@router.post(
    "/rights-requests/{request_id}/extend",
    response=responses(RightsOut, 404, 409, 422),
    operation_id="extend_rights_request",
)
@requires(_RIGHTS)
def extend_rights_request(request: HttpRequest, request_id: str, body: ExtensionIn) -> RightsOut:
    """Put the answer off: once, before its end. The person is to be told why."""
    tenant = caller_of(request).tenant_id
    return rights_out(api.extend_request(tenant, _rights(request_id), body.reason))


@router.post(
    "/rights-requests/{request_id}/refuse",
    response=responses(RightsOut, 404, 409, 422),
    operation_id="refuse_rights_request",
)
@requires(_RIGHTS)
def refuse_rights_request(request: HttpRequest, request_id: str, body: RefusalIn) -> RightsOut:
    """Do not meet a request, for a reason that the law knows. A report of a child is lifted."""
    tenant = caller_of(request).tenant_id
    info = api.refuse_request(tenant, _rights(request_id), body.reason, actor=current_actor())
    return rights_out(info)


@router.post(
    "/rights-requests/{request_id}/lift",
    response=responses(RightsOut, 404, 409, 422),
    operation_id="lift_child_report",
)
@requires(_RIGHTS)
def lift_child_report(request: HttpRequest, request_id: str, body: LiftIn) -> RightsOut:
    """A parent showed that who was reported is no child: what is held is used again within seconds.
    Not once it is confirmed and they are being erased."""
    evidence = ParentEvidence(body.parent, body.document_sha256, body.note)
    tenant, id_ = caller_of(request).tenant_id, _rights(request_id)
    return rights_out(api.lift_report(tenant, id_, evidence, actor=current_actor()))


@router.post(
    "/rights-requests/{request_id}/appeal",
    response=responses(RightsOut, 404, 409, 422, success=201),
    operation_id="appeal_rights_refusal",
)
@requires(_RIGHTS)
def appeal_rights_refusal(
    request: HttpRequest, request_id: str, body: AppealIn
) -> Status[RightsOut]:
    """Note that the person appeals a refusal: a request of its own, to be verified and decided."""
    tenant = caller_of(request).tenant_id
    return Status(201, rights_out(api.appeal_refusal(tenant, _rights(request_id), body.channel)))


@router.post(
    "/rights-requests/{request_id}/decide",
    response=responses(RightsOut, 404, 409, 422),
    operation_id="decide_rights_appeal",
)
@requires(_RIGHTS)
def decide_rights_appeal(
    request: HttpRequest, request_id: str, body: AppealDecisionIn
) -> RightsOut:
    """Decide a verified appeal; not by who refused. Granted, what was refused is taken up again: as
    a request of its own. Of a deletion that needs ``privacy:erase`` as well. Or decide a verified
    correction: what the person says stays beside their data either way."""
    caller, id_ = caller_of(request), _rights(request_id)
    appeal = api.get_rights_request(caller.tenant_id, id_)
    if appeal.kind is RightsKind.CORRECTION:
        actor = current_actor()
        decided = api.decide_correction(caller.tenant_id, id_, body.reason, actor=actor)
        return rights_out(decided)
    if body.granted and appeal.appeal_of is not None:
        _may_verify(caller, api.get_rights_request(caller.tenant_id, appeal.appeal_of))
    info = api.decide_appeal(caller.tenant_id, id_, body.reason, actor=current_actor())
    return rights_out(info)


@router.get(
    "/rights-requests/{request_id}/package",
    response=responses(None, 400, 404, 409, 410, 422),
    operation_id="get_rights_package",
    openapi_extra={"responses": _ZIP, **OPENS},
)
@requires(_RIGHTS, content=True, export=True)
def get_rights_package(request: HttpRequest, request_id: str) -> StreamingHttpResponse:
    """Everything that is held of the person, as a ZIP: ``data.json``, a CSV for each table,
    ``index.html``, and what they said in recordings."""
    found = api.open_package(caller_of(request).tenant_id, _rights(request_id))
    answer = StreamingHttpResponse(found.body, content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{request_id}.zip"'
    answer.headers["Content-Length"] = str(found.length)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _may_verify(caller: Caller, found: RightsInfo) -> None:
    if api.erases(found.kind):
        _may_erase(caller)


def _may_erase(caller: Caller) -> None:
    if _ERASE not in caller.scopes:
        raise InsufficientScope("to erase needs its own scope", details={"needed": _ERASE})


def _mark(caller: Caller, body: RightsIn) -> RightsInfo:
    if body.kind is not RightsKind.CHILD or body.on_behalf is not None or body.statement:
        raise ReportUnfit("nobody but a child is marked as one")
    _may_erase(caller)
    return api.mark_child(
        caller.tenant_id, _who(body), body.jurisdiction, body.channel, actor=current_actor()
    )


def _who(body: ErasureIn | RightsIn) -> Identifier | UUID:
    if (body.number is None) == (body.person is None):
        raise NobodyNamed("give either a number or a person")
    if body.number is None:
        return _person(body.person or "")
    identifier = Identifier("e164", body.number)
    if identifier.normal() is None:
        raise NobodyNamed("the number is not in E.164")
    return identifier


def _agent(told: OnBehalfIn | None) -> OnBehalf | None:
    if told is None:
        return None
    return OnBehalf(
        told.authority, told.document_sha256, told.expires_at, told.agent, told.reference
    )


def _rights(text: str) -> UUID:
    return parse_public_id(Prefix.RIGHTS_REQUEST, text)


def _person(text: str) -> UUID:
    return parse_public_id(Prefix.PERSON, text if len(text) != 32 else f"{Prefix.PERSON}{text}")


def _out(info: ErasureInfo) -> ErasureOut:
    return ErasureOut(
        id=public_id(Prefix.ERASURE, info.id),
        state=info.state,
        ordered_at=info.ordered_at,
        destroyed_at=info.destroyed_at,
        cleaned_at=info.cleaned_at,
        items=info.items,
        rows=info.rows,
        escrowed=info.escrowed,
        certificate=None if info.certificate is None else dict(info.certificate),
    )
