"""Whether anything of a person is used follows from what is asked for them, and of nothing else.

A report that they are a child holds at once, whoever made it, and is ended by a parent or an
erasure alone: by no request of the child's own. Nor does a parent end what the person asked for.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db import connections

from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.rights_vocabulary import RightsKind, RightsState
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.subjects import StateChange
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import APP, tenant

_IN_FORCE = (RightsState.VERIFIED, RightsState.RUNNING, RightsState.DONE)


def freeze(row: RightsRequest, *, actor: str) -> None:
    """Nothing of the person is used any more when this returns, also where the caller's transaction
    is rolled back then. ``row`` is stored in it. Raises Unavailable."""
    if row.person_id is not None:
        _one_at_a_time(row.tenant_id, row.person_id)
        with suppress(KeyDestroyed, KeyUnknown):
            _choose(row.tenant_id, row.person_id, True, request=row.id, actor=actor)


def settle_use(tenant_id: UUID, person: UUID, *, request: UUID, actor: str) -> bool | None:
    """Bring the key store to what the rows say; whether the person's data is out of use now. None:
    there is no key of theirs any more. Repeatable. Raises Unavailable."""
    with tenant(tenant_id):
        _one_at_a_time(tenant_id, person)
        restricted = _restricted(tenant_id, person)
        try:
            _choose(tenant_id, person, restricted, request=request, actor=actor)
        except (KeyDestroyed, KeyUnknown):
            return None
    return restricted


def _restricted(tenant_id: UUID, person: UUID) -> bool:
    rows = RightsRequest.objects.using(APP).filter(tenant_id=tenant_id, person_id=person)
    reports = rows.filter(kind=RightsKind.CHILD, lifted_at__isnull=True)
    if reports.exclude(state=RightsState.REFUSED).exists():
        return True
    own = rows.filter(
        kind__in=(RightsKind.RESTRICTION, RightsKind.RESTRICTION_END), state__in=_IN_FORCE
    )
    last = own.order_by("-verified_at", "-id").values_list("kind", flat=True).first()
    return last == RightsKind.RESTRICTION


def _choose(tenant_id: UUID, person: UUID, restricted: bool, *, request: UUID, actor: str) -> None:
    asked = (public_id(Prefix.RIGHTS_REQUEST, request),)
    keys().choose(tenant_id, person, StateChange(restricted=restricted), actor=actor, objects=asked)


def _one_at_a_time(tenant_id: UUID, person: UUID) -> None:
    """Until the transaction ends: what was decided last of a person is what the key store has."""
    with connections[APP].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"use:{tenant_id.hex}:{person.hex}"],
        )
