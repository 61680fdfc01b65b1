"""News of a change goes to where the customer was reached before it (64.2010(f))."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from procrastinate.contrib.django import app

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.compliance.contracts import Changed, NoticeNotFound, OutgoingNotice
from ringfence.domains.compliance.models import Contact, Notice
from ringfence.domains.compliance.queries import contacts_of, notice_info
from ringfence.domains.compliance.rules.records import BEGINNING, Kind, OnFile, addressee
from ringfence.domains.numbers.api import owned_numbers
from ringfence.platform_django.clock import clock
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import APP, across_tenants, tenant
from ringfence.platform_django.use import using

TASK = "compliance.tell_change"
SUBJECT = "A change of your account"
_WHAT = {
    Changed.PASSWORD: "The telephone password",
    Changed.BACKUP: "The backup question or its answer",
    Changed.ONLINE_ACCOUNT: "The sign-in to the console",
    Changed.EMAIL: "The e-mail address of record",
    Changed.NUMBER: "The telephone number of record",
    Changed.ADDRESS: "The postal address of record",
}


def tell_change(
    tenant_id: UUID, what: Changed, actor: str, changed_at: datetime | None = None
) -> None:
    """Tell the customer, at a contact from before, that something of the account changed
    (``changed_at``: when, else now); never what it is now. Needs a use in force, before the change
    is made if it is one of contacts."""
    with tenant(tenant_id):
        notify(tenant_id, [what], contacts_of(APP, tenant_id), actor, changed_at)


def order_news(tenant_id: UUID, what: Changed, actor: str) -> None:
    """Have a job tell the customer, again and again until it could; part of the transaction of the
    application's role if there is one. Needs no use in force, and no `keys`."""
    app.configure_task(TASK).defer(
        tenant=tenant_id.hex,
        what=what.value,
        actor=actor,
        changed_at=clock().now().isoformat(),
    )


def began(tenant_id: UUID, now: datetime) -> bool:
    """Whether the account is so new that what is set comes with it."""
    return now - get_any_tenant(tenant_id).created_at <= BEGINNING


def notify(
    tenant_id: UUID,
    changes: list[Changed],
    before: list[tuple[Contact, OnFile]],
    actor: str,
    changed_at: datetime | None = None,
) -> None:
    """Queue the notices of changes, in the tenant's transaction; ``before`` is what was on file."""
    now = clock().now()
    to = addressee([one for _, one in before], now)
    row = next((row for row, one in before if one is to), None)
    for what in changes:
        notice = Notice(
            tenant_id=tenant_id,
            what=what.value,
            channel="none" if to is None else to.kind.value,
            contact_id=None if row is None else row.id,
            actor=actor,
            changed_at=changed_at or now,
        )
        if to is not None and to.kind is Kind.EMAIL:
            queue_mail(to.value, SUBJECT, notice_text(notice))
            notice.sent_at, notice.sent_by = now, "system"
        notice.save(force_insert=True)


def notice_text(notice: Notice) -> str:
    """What is told, posted or mailed: that something changed, and when."""
    name = get_any_tenant(notice.tenant_id).name
    return (
        f"{_WHAT[Changed(notice.what)]} of the account {name} was changed at "
        f"{notice.changed_at:%Y-%m-%d %H:%M} UTC.\n\nIf this was you, there is nothing to do. If "
        "it was not, call us at once.\n"
    )


def deliver_notice(notice_id: UUID, actor: str) -> OutgoingNotice:
    """Take a notice that has to be told or posted, which counts as done: whereto, and its text.

    Raises NoticeNotFound, also for one that has gone out.
    """
    with across_tenants("deliver cpni notice") as db:
        rows = Notice.objects.using(db).select_for_update()
        row = rows.filter(id=notice_id, sent_at=None, channel__in=["number", "address"]).first()
        contact = None
        if row is not None and row.contact_id is not None:
            contact = Contact.objects.using(db).filter(id=row.contact_id).first()
        if row is None or contact is None:
            raise NoticeNotFound("no such notice is waiting")
        with using("support", actor):
            value = open_fields([contact], "value_sealed")[0]["value_sealed"].value
        if value is None or (
            contact.kind == Kind.NUMBER
            and value not in owned_numbers(row.tenant_id, frozenset({value}))
        ):
            raise NoticeNotFound("its contact is not the customer's any more")
        row.sent_at, row.sent_by = clock().now(), actor
        row.save(using=db, update_fields=["sent_at", "sent_by"])
        return OutgoingNotice(notice_info(row), value, notice_text(row))
