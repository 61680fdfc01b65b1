"""Mails that the installation sends: they wait, sealed, in the outbox, and a job sends them.

A mail is queued in the transaction that it tells of, in whichever role that runs: a SECURITY
DEFINER function writes the row and the job. Who queues mails reads none (see decision 0027).
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connections

from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import INSTALLATION, SealedFieldNumber
from ringfence.platform.gate.client import EgressClient
from ringfence.platform.gate.smtp import compose
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import LeafRef
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.models import Mail
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import APP, across_tenants
from ringfence.platform_django.use import current_actor, using

TASK = "platform.send_mail"
KEPT = timedelta(days=3)
"""A mail that could not be sent for so long is not sent any more."""


class UnreadableMail(RingfenceError):
    """A mail in the outbox does not open."""

    code = "unreadable_mail"


def queue_mail(to: str, subject: str, text: str, *, db: str = APP) -> UUID:
    """Have a mail sent once the transaction of the connection ``db`` is committed; its id.

    It may arrive twice when the machine dies between sending and noting it. Raises Unavailable
    while `keys` is away.
    """
    id_ = new_id()
    place = Place(INSTALLATION, SealedFieldNumber.MAIL, id_, None, None)
    content = msgspec.json.encode({"to": to, "subject": subject, "text": text})
    value = Value(LeafRef(None, None), place, content)
    (sealed,) = keys().seal(INSTALLATION, [value], actor=current_actor())
    with connections[db].cursor() as cursor:
        cursor.execute("SELECT ringfence_queue_mail(%s, %s, %s)", [id_, sealed, clock().now()])
    return id_


def send_queued(mail_id: UUID) -> bool:
    """Send a mail of the outbox and forget it; False when it is gone already.

    Raises UnreadableMail, OSError, EgressRefused, EgressFailed: it stays, to be tried again.
    """
    with across_tenants("send mail") as db:
        row = Mail.objects.using(db).select_for_update(skip_locked=True).filter(id=mail_id).first()
        if row is None:
            return False
        with using("service", "job:mail"):
            opened = open_fields([row], "mail_sealed")[0]["mail_sealed"]
        if opened.value is None:
            raise UnreadableMail("a mail does not open")
        content = opened.value
        send_mail(mail_id, content["to"], content["subject"], content["text"])
        row.delete(using=db)
    return True


def send_mail(id_: UUID, to: str, subject: str, text: str) -> None:
    """Send a mail that never waited in the outbox, or does no more. Of the worker alone.

    Raises OSError, EgressRefused, EgressFailed.
    """
    content = {"to": to, "subject": subject, "text": text}
    if settings.RINGFENCE.mail.smtp_url is None:
        _write(settings.RINGFENCE.mail_dir, id_, content)
    else:
        asyncio.run(_send(content))


def remove_unsent() -> int:
    """Remove what could not be sent in time; returns how many went."""
    with across_tenants("outbox") as db:
        old = Mail.objects.using(db).filter(queued_at__lte=clock().now() - KEPT)
        removed, _ = old.delete()
    return removed


async def _send(content: dict[str, str]) -> None:
    """By the egress process, which knows the server. Raises EgressRefused, EgressFailed."""
    async with EgressClient(settings.RINGFENCE) as egress:
        await egress.mail(content["to"], content["subject"], content["text"])


def _write(folder: Path, mail_id: UUID, content: dict[str, str]) -> None:
    """The default where there is no SMTP server: a file that only this user reads."""
    message = compose(
        settings.RINGFENCE.mail.sender,
        content["to"],
        content["subject"],
        content["text"],
        clock().now(),
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{mail_id.hex}.eml"
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(bytes(message))
    os.replace(part, path)  # noqa: PTH105 - whoever looks sees all of it
