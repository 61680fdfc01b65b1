"""The number that was told is called, and the code is spoken."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.calls.api import say_by_call
from ringfence.domains.portal.models import Portal, Visit
from ringfence.domains.portal.queries import course_of
from ringfence.domains.portal.rules import visit as rules
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform_django.clock import clock
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import OPERATOR, across_tenants
from ringfence.platform_django.use import using

_ACTOR = "job:portal"


def call_with_code(visit_id: UUID) -> bool:
    """Place the call of a visit; False where it is not waited for any more. Repeated, it rings
    nobody twice. The code is forgotten once it is placed.

    Raises what ``say_by_call`` does, Unavailable.
    """
    row = Visit.objects.using(OPERATOR).filter(id=visit_id).first()
    if row is None or row.contact_sealed is None:
        return False
    if rules.now_is(course_of(row), clock().now()) is not rules.State.ASKED:
        _forget(row.id)
        return False
    caller_id = (
        Portal.objects.using(OPERATOR)
        .filter(tenant_id=row.tenant_id)
        .values_list("caller_id", flat=True)
        .first()
    )
    with using("service", _ACTOR):
        told = open_fields([row], "contact_sealed")[0]["contact_sealed"].value
    to = None if told is None else _number(row.tenant_id, told)
    if told is None or to is None or caller_id is None:
        _forget(row.id)
        return False
    text = spoken(get_any_tenant(row.tenant_id).name, told["code"])
    say_by_call(row.tenant_id, row.call_id, to, caller_id, text)
    _forget(row.id)
    return True


def spoken(name: str, code: str) -> str:
    """What is said. Digits stand apart, or they would be read as a number."""
    said = "".join(character if character.isalnum() else " " for character in name)
    digits = ", ".join(code)
    return (
        f"This is a call for {' '.join(said.split())}. Somebody asked on our privacy page for a"
        f" code. The code is: {digits}. If it was not you, do nothing."
    )


def _number(tenant: UUID, told: dict[str, str]) -> str | None:
    """The number of whom the code is for; None once they are erased."""
    if "person" not in told:
        return None
    try:
        found = keys().person_identifier(tenant, UUID(told["person"]), "rights", actor=_ACTOR)
    except (KeyDestroyed, KeyUnknown):
        return None
    return None if found is None else found.text


def _forget(visit_id: UUID) -> None:
    with across_tenants("portal") as db:
        Visit.objects.using(db).filter(id=visit_id).update(contact_sealed=None)
