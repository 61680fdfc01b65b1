"""A verified request is answered by what its kind asks for."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.privacy.contracts import RightsInfo, RightsRequestNotFound
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.rights_queries import rights_info
from ringfence.domains.privacy.rights_vocabulary import RightsKind, RightsState
from ringfence.domains.privacy.rules import rights
from ringfence.domains.privacy.usecases.build_package import build_package
from ringfence.domains.privacy.usecases.complete_rights import complete
from ringfence.domains.privacy.usecases.settle_use import settle_use
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.subjects import StateChange
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

_ACTOR = "job:rights"
_UNDER_WAY = (RightsState.VERIFIED, RightsState.RUNNING)


def answer_request(request_id: UUID) -> RightsInfo:
    """Answer a verified request, as far as it is not; a deletion is answered by its erasure.

    Repeatable. Raises RightsRequestNotFound, Unavailable, StorageUnavailable, django.db.Error.
    """
    row = RightsRequest.objects.using(OPERATOR).filter(id=request_id).first()
    if row is None:
        raise RightsRequestNotFound("no such request")
    if row.state not in _UNDER_WAY:
        return rights_info(row)
    kind = RightsKind(row.kind)
    if kind is RightsKind.APPEAL:
        return _answer_appeal(row)
    if row.person_id is None:
        _run(row)
        return complete(row.id, {"held": False})
    if row.evidence_id is not None:
        evidence = public_id(Prefix.CONSENT, row.evidence_id)
        return complete(row.id, {"opted_out": True, "evidence": evidence})
    if rights.is_copy(kind):
        return build_package(row.id)
    if kind is RightsKind.DELETION or row.erasure_id is not None:
        return rights_info(row)
    if kind is RightsKind.CHILD:
        _run(row)
        return complete(row.id, {"held": True, "restricted": True})
    if kind is RightsKind.CORRECTION:
        return _answer_correction(row)
    _run(row)
    return complete(row.id, _choose(row, kind))


def _choose(row: RightsRequest, kind: RightsKind) -> dict[str, object]:
    """The key store refuses from now on what the person does not want."""
    assert row.person_id is not None
    try:
        if kind is RightsKind.OBJECTION:
            _change(row, StateChange(objects=rights.OBJECTED))
            return {"held": True, "not_used_for": list(rights.OBJECTED)}
    except (KeyDestroyed, KeyUnknown):
        return {"held": False}
    restricted = settle_use(row.tenant_id, row.person_id, request=row.id, actor=_ACTOR)
    return {"held": False} if restricted is None else {"held": True, "restricted": restricted}


def _change(row: RightsRequest, change: StateChange) -> None:
    assert row.person_id is not None
    asked = public_id(Prefix.RIGHTS_REQUEST, row.id)
    keys().choose(row.tenant_id, row.person_id, change, actor=_ACTOR, objects=(asked,))


def _answer_appeal(row: RightsRequest) -> RightsInfo:
    again = RightsRequest.objects.using(OPERATOR).filter(follows_appeal=row.id).first()
    if again is None:
        return rights_info(row)
    return complete(
        row.id, {"granted": True, "request": public_id(Prefix.RIGHTS_REQUEST, again.id)}
    )


def _answer_correction(row: RightsRequest) -> RightsInfo:
    """See usecases.decide_correction: there is no value that it could change."""
    if row.decided_by is None:
        return rights_info(row)
    said = {"held": True, "values_changed": 0, "statement": str(row.statement_use)}
    return complete(row.id, said)


def _run(row: RightsRequest) -> None:
    with across_tenants("rights") as db:
        rows = RightsRequest.objects.using(db).filter(id=row.id, state=RightsState.VERIFIED)
        rows.update(state=RightsState.RUNNING)
