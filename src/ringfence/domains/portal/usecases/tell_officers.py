"""Whoever answers requests of a tenant is told when the time for one ends."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.identity.api import emails_with
from ringfence.domains.portal.models import Notice
from ringfence.domains.privacy.api import urgent_infos
from ringfence.domains.privacy.contracts import RightsInfo, Urgency
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.tenancy import APP, tenant

PERMISSION = "privacy:rights"
_SUBJECTS = {
    Urgency.SOON: "A rights request is due soon",
    Urgency.OVERDUE: "A rights request is overdue",
}


def tell_officers() -> int:
    """Mail everybody of a tenant who may answer: once when the end is near, and once when it has
    come; also after a crash. An extension begins anew. Returns how many mails were queued.

    Raises Unavailable.
    """
    return sum(_tell(one) for one in urgent_infos())


def _tell(request: RightsInfo) -> int:
    tenant_id, end = request.tenant_id, request.extended_until or request.due_at
    about = {"request_id": request.id, "urgency": request.urgency, "end_at": end}
    people = emails_with(tenant_id, PERMISSION)
    with tenant(tenant_id):
        rows = Notice.objects.using(APP)
        done = set(rows.filter(tenant_id=tenant_id, **about).values_list("user_id", flat=True))
        for user in sorted(people.keys() - done):
            _, new = rows.get_or_create(
                tenant_id=tenant_id, user_id=user, **about, defaults={"told_at": clock().now()}
            )
            if new:
                queue_mail(people[user], _SUBJECTS[request.urgency], _text(request, tenant_id))
    return len(people.keys() - done)


def _text(request: RightsInfo, tenant_id: UUID) -> str:
    end = request.extended_until or request.due_at
    name, id_ = get_any_tenant(tenant_id).name, public_id(Prefix.RIGHTS_REQUEST, request.id)
    late = request.urgency is Urgency.OVERDUE
    desk = f"{settings.RINGFENCE.public_url}/accounts/rights/"
    return (
        f"{name}: the request {id_} ({request.kind}) came in on {request.received_at:%Y-%m-%d}"
        f" and {'was' if late else 'is'} to be answered by {end:%Y-%m-%d %H:%M} UTC."
        f" It is {request.state}.\n\n{desk}?tenant={public_id(Prefix.TENANT, tenant_id)}\n"
    )
