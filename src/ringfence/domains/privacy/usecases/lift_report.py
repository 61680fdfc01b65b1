"""A parent shows that somebody who was reported as a child is none."""

from __future__ import annotations

import re
from contextlib import suppress
from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.privacy.contracts import (
    ParentEvidence,
    ParentEvidenceMissing,
    RightsInfo,
    WrongRightsState,
)
from ringfence.domains.privacy.rights_queries import rights_info
from ringfence.domains.privacy.rights_vocabulary import Refusal, RightsKind, RightsState
from ringfence.domains.privacy.usecases.request_rights import changing
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import APP

SETTLE_TASK = "privacy.settle_use"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def lift_report(
    tenant_id: UUID, request_id: UUID, evidence: ParentEvidence, *, actor: str
) -> RightsInfo:
    """A parent shows that who was reported is no child; what is held is used again by a job of this
    transaction, unless the person was reported once more or asked themselves that it is not. Not
    once it is confirmed and they are being erased.

    Raises RightsRequestNotFound, WrongRightsState, ParentEvidenceMissing, Unavailable.
    """
    shown, told = evidence.document_hash, evidence.note.strip()
    fit = _SHA256.fullmatch(shown) if shown else told
    if not evidence.parent.strip() or not fit:
        raise ParentEvidenceMissing("say which parent, and what they showed or told")
    with changing(tenant_id, request_id) as row:
        kept = row.state == RightsState.DONE and row.erasure_id is None and row.person_id
        waits = row.state == RightsState.RECEIVED
        if row.kind != RightsKind.CHILD or row.lifted_at is not None or not (waits or kept):
            raise WrongRightsState("a report of a child is lifted before they are erased, once")
        row.lifted_at, row.lifted_hash, row.decided_by = clock().now(), shown or None, actor
        if waits:
            row.state, row.refusal = RightsState.REFUSED, Refusal.UNFOUNDED
            row.completed_at = row.lifted_at
        if row.person_id is not None:
            said = {"agent": evidence.parent.strip(), "reference": told}
            with suppress(KeyDestroyed):  # erased by another request
                row.authority_sealed = seal_field(row, "authority_sealed", said)
                row.save(using=APP, update_fields=["authority_sealed"])
            task = app.configure_task(SETTLE_TASK)
            task.defer(tenant=tenant_id.hex, request=row.id.hex, person=row.person_id.hex)
    return rights_info(row)
