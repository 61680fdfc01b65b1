"""The code goes to the number or address that was told: by a call that speaks it, or by mail."""

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
from ringfence.platform_django.mail import send_mail
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import OPERATOR, across_tenants
from ringfence.platform_django.use import using

_ACTOR = "job:portal"
_MAIL = """Your code is {code}

Somebody, we hope you, asks {name} about personal data. Type the code into the page
where you asked. It is good for 10 minutes, once, in that browser alone.

Nobody of us ever asks you for this code. If it was not you, do nothing: without the code
nothing is told and nothing changes.
"""


def send_code(visit_id: UUID) -> bool:
    """Send the code of a visit; False where it is not waited for any more. Repeated, it reaches
    nobody twice, unless the machine died between a mail and the note of it. The code is forgotten
    once it is sent.

    Raises what ``say_by_call`` and ``send_mail`` do, Unavailable.
    """
    row = Visit.objects.using(OPERATOR).filter(id=visit_id).first()
    if row is None or row.contact_sealed is None:
        return False
    if rules.now_is(course_of(row), clock().now()) is not rules.State.ASKED:
        _forget(row.id)
        return False
    with using("service", _ACTOR):
        told = open_fields([row], "contact_sealed")[0]["contact_sealed"].value
    to = None if told is None else _contact(row.tenant_id, told)
    sent = told is not None and to is not None and _send(row, to, told["code"])
    _forget(row.id)
    return sent


def _send(row: Visit, to: str, code: str) -> bool:
    name = get_any_tenant(row.tenant_id).name
    if not row.by_call:
        name = " ".join(name.split())
        send_mail(row.id, to, f"Your code for {name}", _MAIL.format(name=name, code=code))
        return True
    portal = Portal.objects.using(OPERATOR).filter(tenant_id=row.tenant_id)
    caller_id = portal.values_list("caller_id", flat=True).first()
    if caller_id is None:
        return False
    say_by_call(row.tenant_id, row.call_id, to, caller_id, spoken(name, code))
    return True


def spoken(name: str, code: str) -> str:
    """What is said. Digits stand apart, or they would be read as a number."""
    said = "".join(character if character.isalnum() else " " for character in name)
    digits = ", ".join(code)
    return (
        f"This is a call for {' '.join(said.split())}. Somebody asked on our privacy page for a"
        f" code. The code is: {digits}. If it was not you, do nothing."
    )


def _contact(tenant: UUID, told: dict[str, str]) -> str | None:
    """Where whom the code is for is reached; None once they are erased."""
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
