"""Who carries out an opt-out. Privacy knows no consents: whoever keeps them registers this when its
app is ready."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from ringfence.domains.privacy.rights_vocabulary import RightsKind
from ringfence.platform.keys.persons import Identifier

OptOut = Callable[[UUID, UUID | Identifier, RightsKind, str, str], tuple[UUID, UUID]]
"""``(tenant, who, kind, public id of the request, actor)``: the person, whom an identifier makes
known, and the evidence that was written. It holds when this returns, and is part of the caller's
transaction."""

_keepers: list[OptOut] = []


def register_opt_out(callback: OptOut) -> None:
    """See OptOut. There is one; a later one takes its place."""
    _keepers[:] = [callback]


def opt_out(
    tenant: UUID, who: UUID | Identifier, kind: RightsKind, request: str, actor: str
) -> tuple[UUID, UUID]:
    """See OptOut. Raises what consent raises, Unavailable; LookupError where nobody keeps them."""
    if not _keepers:
        raise LookupError("nobody keeps opt-outs")
    return _keepers[0](tenant, who, kind, request, actor)
