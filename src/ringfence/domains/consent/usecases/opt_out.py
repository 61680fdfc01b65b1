"""Somebody opts out by a request of their rights: a refusal like any other."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.consent.usecases.record import record
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.domains.privacy.contracts import RightsKind
from ringfence.platform.keys.persons import Identifier

SCOPES = {
    RightsKind.OPT_OUT_SALE: ConsentScope.SALE_OR_SHARING,
    RightsKind.OPT_OUT_ADS: ConsentScope.TARGETED_ADS,
    RightsKind.OPT_OUT_PROFILING: ConsentScope.PROFILING,
    RightsKind.OPT_OUT_CPNI: ConsentScope.CPNI_USE,
}


def opt_out(
    tenant_id: UUID, who: UUID | Identifier, kind: RightsKind, request: str, actor: str
) -> tuple[UUID, UUID]:
    """See privacy.opt_outs.OptOut. Again is another piece of evidence, and changes nothing. Raises
    as ``record``."""
    info = record(
        tenant_id,
        who,
        SCOPES[kind],
        ConsentState.WITHDRAWN,
        method=ConsentMethod.RIGHTS_REQUEST,
        source=request,
        actor=actor,
    )
    return info.person, info.id
