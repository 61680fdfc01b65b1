"""A person asks; somebody makes sure that it is them, puts the answer off, or refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.privacy.contracts import (
    AuthorityEvidenceMissing,
    AuthorityExpired,
    AuthorityUnconfirmed,
    CannotExtend,
    MethodUnfit,
    OnBehalf,
    ParentEvidenceMissing,
    PersonUnknown,
    ReportUnfit,
    RightsInfo,
    RightsRequestNotFound,
    StatementUnfit,
    WrongRightsState,
)
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.opt_outs import opt_out
from ringfence.domains.privacy.profiles import profile_of
from ringfence.domains.privacy.queries import person_is_known
from ringfence.domains.privacy.rights_queries import authority_of, first_of, rights_info
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
from ringfence.domains.privacy.rules.authority import Authority, Lack, lack, lack_of_evidence
from ringfence.domains.privacy.usecases.erase import find_person, request_erasure
from ringfence.domains.privacy.usecases.settle_use import freeze
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import APP, tenant
from ringfence.policies.profiles.vocabulary import ChildData

BUILD_TASK = "privacy.build_package"


def request_rights(
    tenant_id: UUID,
    who: UUID | Identifier | None,
    kind: RightsKind,
    jurisdiction: Jurisdiction,
    channel: Channel,
    *,
    on_behalf: OnBehalf | None = None,
    statement: str = "",
    actor: str,
) -> RightsInfo:
    """Note a request; nothing is done for it before it is verified, but for an opt-out: that holds
    when this returns, whoever asked, and also of whom nothing was known. The identifier goes no
    further than to the key store, which tells the person's random id. Whom it means nobody (or
    None) is answered too: by a receipt that nothing is held.

    ``on_behalf``: somebody else asks for the person. ``statement``: of a correction, what is wrong
    and what is right; both are sealed with the person, and kept nowhere where nobody is meant.

    Nothing is used of who is reported as a child from when this returns, whoever says so; once that
    is confirmed they are erased.

    Raises PersonUnknown for an id of nobody, AuthorityEvidenceMissing, AuthorityExpired,
    StatementUnfit, ReportUnfit for a child who is reported by authority, Unavailable; ValueError
    for an appeal, which is made by ``appeal_refusal``, and an opt-out of nobody.
    """
    if kind is RightsKind.APPEAL:
        raise ValueError("an appeal is of a refusal")
    if (kind is RightsKind.CORRECTION) != bool(statement.strip()):
        raise StatementUnfit("a correction says what is wrong and right, and nothing else does")
    if on_behalf is not None and kind is RightsKind.CHILD:
        raise ReportUnfit("a child is reported by anybody, and nobody has to show why they may")
    if on_behalf is not None:
        shown = Authority(on_behalf.kind, on_behalf.document_hash, on_behalf.expires_at)
        may_act(lack_of_evidence(shown, clock().now()))
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
        _say(row, on_behalf, statement.strip())
        row.save(using=APP, force_insert=True)
        if kind is RightsKind.CHILD:
            freeze(row, actor=actor)
    return rights_info(row)


def mark_child(
    tenant_id: UUID,
    who: UUID | Identifier,
    jurisdiction: Jurisdiction,
    channel: Channel,
    *,
    actor: str,
) -> RightsInfo:
    """Whoever says so knows that the person is a child, and answers for it: reported, confirmed and
    erased by a job of this transaction. Raises PersonUnknown, Unavailable."""
    with tenant(tenant_id):
        made = request_rights(tenant_id, who, RightsKind.CHILD, jurisdiction, channel, actor=actor)
        return verify_request(tenant_id, made.id, Method.CONFIRMED, actor=actor)


def _say(row: RightsRequest, on_behalf: OnBehalf | None, statement: str) -> None:
    if on_behalf is not None:
        row.authority, row.authority_hash = on_behalf.kind, on_behalf.document_hash
        row.authority_expires_at = on_behalf.expires_at
    if row.person_id is None:
        return
    if on_behalf is not None and (on_behalf.agent or on_behalf.reference):
        said = {"agent": on_behalf.agent, "reference": on_behalf.reference}
        row.authority_sealed = seal_field(row, "authority_sealed", said)
    if statement:
        row.statement_sealed = seal_field(row, "statement_sealed", statement)


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
    """The person themselves asks, or who may act for them, or they are a child: a job of this
    transaction makes the package, or erases them.

    Raises RightsRequestNotFound, WrongRightsState, MethodUnfit, AuthorityEvidenceMissing,
    AuthorityExpired, AuthorityUnconfirmed.
    """
    with changing(tenant_id, request_id) as row:
        become(row, RightsState.VERIFIED)
        _fit(row, method)
        row.verified_at, row.verified_by, row.method = clock().now(), actor, method
        kind = RightsKind(row.kind)
        if kind is RightsKind.APPEAL or (rights.is_decided(kind) and row.person_id is not None):
            become(row, RightsState.RUNNING)
        elif row.person_id is None or rights.by_worker(kind) or _stays_frozen(row):
            app.configure_task(BUILD_TASK).defer(request=row.id.hex)
        else:
            row.erasure_id = request_erasure(tenant_id, row.person_id, actor=actor).id
            become(row, RightsState.RUNNING)
    return rights_info(row)


def _stays_frozen(row: RightsRequest) -> bool:
    """Of a child: the tenant's profile promises no more than that nothing is used."""
    frozen = profile_of(row.tenant_id).age.child_data is ChildData.FREEZE
    return row.kind == RightsKind.CHILD and frozen


def confirm_authority(tenant_id: UUID, request_id: UUID, person: UUID) -> RightsInfo:
    """The person says that who asks for them may. Again changes nothing.

    Raises RightsRequestNotFound, of what is not this person's too, WrongRightsState,
    AuthorityExpired.
    """
    with changing(tenant_id, request_id) as row:
        if row.person_id != person or row.authority is None:
            raise RightsRequestNotFound("no such request")
        if row.state != RightsState.RECEIVED:
            raise WrongRightsState("it is decided already")
        may_act(lack_of_evidence(authority_of(row), clock().now()))
        row.confirmed_at = row.confirmed_at or clock().now()
    return rights_info(row)


def _fit(row: RightsRequest, method: Method) -> None:
    kind, by_agent = RightsKind(row.kind), row.authority is not None
    if not rights.may_verify_by(method, kind, by_agent=by_agent):
        raise MethodUnfit("this does not make known who asks")
    if method is Method.AUTHORITY:
        may_act(lack(authority_of(first_of(row)), clock().now()))


def may_act(found: Lack | None) -> None:
    """Raises what is lacking."""
    match found:
        case Lack.EVIDENCE:
            raise AuthorityEvidenceMissing("who acts for a person shows a document")
        case Lack.EXPIRED:
            raise AuthorityExpired("the time of the document is over")
        case Lack.CONFIRMATION:
            raise AuthorityUnconfirmed("the person has not confirmed it yet")


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
    """Do not meet a request; a report of a child is lifted by a parent alone (``lift_report``).

    Raises RightsRequestNotFound, WrongRightsState, ParentEvidenceMissing.
    """
    with changing(tenant_id, request_id) as row:
        if row.kind == RightsKind.CHILD:
            raise ParentEvidenceMissing("that somebody is no child is taken from a parent alone")
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
    "confirmed_at",
    "statement_use",
    "lifted_at",
    "lifted_hash",
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
