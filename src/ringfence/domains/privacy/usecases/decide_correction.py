"""Somebody decides whether what a person says of their data is right.

No value that is held here was told by the person: numbers and times are what the network said, and
what is told of a business customer is changed by it. So what a person says stays beside the data,
sealed with them, as a completion or as their disagreement, and is in every package of theirs.
"""

from __future__ import annotations

from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.privacy.contracts import RightsInfo, WrongRightsState
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.rights_queries import first_of, rights_info
from ringfence.domains.privacy.rights_vocabulary import (
    Refusal,
    RightsKind,
    RightsState,
    StatementUse,
)
from ringfence.domains.privacy.usecases.request_rights import BUILD_TASK, changing
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP


def decide_correction(
    tenant_id: UUID, request_id: UUID, refusal: Refusal | None, *, actor: str
) -> RightsInfo:
    """Refuse a verified correction for a reason, or (None) grant it; once.

    Raises RightsRequestNotFound, WrongRightsState.
    """
    with changing(tenant_id, request_id) as row:
        if row.kind != RightsKind.CORRECTION or row.state != RightsState.RUNNING or row.decided_by:
            raise WrongRightsState("a verified correction is decided, once")
        row.decided_by = actor
        use = StatementUse.COMPLETION if refusal is None else StatementUse.DISAGREEMENT
        row.statement_use = use
        first = first_of(row)
        if first.id != row.id:
            RightsRequest.objects.using(APP).filter(id=first.id).update(statement_use=use)
        if refusal is None:
            app.configure_task(BUILD_TASK).defer(request=row.id.hex)
        else:
            row.state, row.refusal = RightsState.REFUSED, refusal
            row.completed_at = clock().now()
    return rights_info(row)
