"""Mails that the installation sends: they wait, sealed, in the outbox, and a job sends them.

A mail is queued in the transaction that it tells of, in whichever role that runs: a SECURITY
DEFINER function writes the row and the job. Who queues mails reads none (see decision 0027).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connections

from ringfence.kernel.clock import to_micros
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform.gate.client import EgressClient
from ringfence.platform.gate.smtp import compose
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.models import Mail
from ringfence.platform_django.passing import open_passing, seal_passing
from ringfence.platform_django.tenancy import APP, across_tenants
from ringfence.platform_django.use import using

TASK = "platform.send_mail"
KEPT = timedelta(days=3)
"""A mail that could not be sent for so long is not sent any more."""
_RENEWED = timedelta(hours=12)


class UnreadableMail(RingfenceError):
    """A mail in the outbox does not open."""

    code = "unreadable_mail"


def queue_mail(to: str, subject: str, text: str, *, db: str = APP) -> UUID:
    """Have a mail sent once the transaction of the connection ``db`` is committed; its id.

    It may arrive twice when the machine dies between sending and noting it. Raises Unavailable
    while `keys` is away.
    """
    return _queue({"to": to, "subject": subject, "text": text}, clock().now(), db)


def _queue(content: dict[str, str], at: datetime, db: str) -> UUID:
    id_ = new_id()
    sealed = seal_passing(None, SealedFieldNumber.MAIL, id_, msgspec.json.encode(content))
    with connections[db].cursor() as cursor:
        cursor.execute("SELECT ringfence_queue_mail(%s, %s, %s)", [id_, sealed, at])
    return id_


def send_queued(mail_id: UUID) -> bool:
    """Send a mail of the outbox and forget it; False when it is gone already.

    Raises UnreadableMail, OSError, EgressRefused, EgressFailed: it stays, to be tried again.
    """
    with across_tenants("send mail") as db:
        row = _locked(db, mail_id)
        if row is None:
            return False
        content = _opened(row)
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


def seal_waiting_anew() -> int:
    """Queue again, under a younger key, what waits for half a day; returns how many mails that was.

    Else their keys would end before they are sent. A mail that does not open any more stays, to be
    removed in time. Raises Unavailable.
    """
    before = uuid7_floor(to_micros(clock().now() - _RENEWED) // 1000)
    with across_tenants("outbox") as db:
        waiting = list(Mail.objects.using(db).filter(id__lt=before).values_list("id", flat=True))
    renewed = 0
    for mail_id in waiting:
        with contextlib.suppress(UnreadableMail), across_tenants("outbox") as db:
            row = _locked(db, mail_id)
            if row is not None:
                _queue(_opened(row), row.queued_at, db)
                row.delete(using=db)
                renewed += 1
    return renewed


def _locked(db: str, mail_id: UUID) -> Mail | None:
    rows = Mail.objects.using(db).select_for_update(skip_locked=True)
    return rows.filter(id=mail_id).first()


def _opened(row: Mail) -> dict[str, str]:
    with using("service", "job:mail"):
        opened = open_passing(None, SealedFieldNumber.MAIL, row.id, row.mail_sealed)
    if opened is None:
        raise UnreadableMail("a mail does not open")
    return msgspec.json.decode(opened, type=dict[str, str])


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
