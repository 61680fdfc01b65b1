"""Tickets of the live stream, which say by what access they were made."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connections
from django.http import HttpRequest

from ringfence.kernel.errors import Unauthorized
from ringfence.platform.secrets import installation_secret
from ringfence.platform.tickets import (
    MARKS,
    SECRET_NAME,
    Maker,
    Ticket,
    marks_asked,
    sign_ticket,
)
from ringfence.platform_django.admission import Admission
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller, refused_purpose
from ringfence.platform_django.tenancy import APP


class AskedAgain(Protocol):
    """What a request was authenticated by."""

    def maker(self) -> Maker:
        """As whom tickets are made. Raises Unauthorized when it has ended."""
        ...

    def caller(self) -> Caller:
        """Whom it acts as now. Raises what authentication raises."""
        ...


def note_access(request: HttpRequest, access: AskedAgain) -> None:
    """For tickets: what this request was authenticated by."""
    request.access = access  # type: ignore[attr-defined]


def live_ticket(request: HttpRequest, permission: str, purpose: str) -> tuple[str, Ticket]:
    """A new ticket of the caller's tenant and its text.

    The caller is admitted once more after the mark was taken: whatever is changed from then on
    ends the streams of the ticket. Raises PurposeRefused, and what authentication and admission
    raise.
    """
    access: AskedAgain = request.access  # type: ignore[attr-defined]
    tenant_id = request.auth.tenant_id  # type: ignore[attr-defined]
    maker = access.maker()
    mark = mark_of(tenant_id, maker)
    caller = access.caller()
    caller.admit(Admission(permission))
    if purpose not in caller.purposes:
        raise refused_purpose(caller, purpose, {})
    if mark is None or caller.tenant_id != tenant_id:
        raise Unauthorized("the access ended in the middle of the request")
    secret = installation_secret(settings.RINGFENCE.data_dir, SECRET_NAME)
    return sign_ticket(secret, tenant_id, clock(), msgspec.structs.replace(maker, mark=mark))


def mark_of(tenant_id: UUID, maker: Maker) -> UUID | None:
    """The mark of an access as it is now; None: it has ended."""
    idle = timedelta(minutes=settings.RINGFENCE.accounts.idle_minutes)
    with connections[APP].cursor() as cursor:
        cursor.execute(MARKS, marks_asked([(tenant_id, maker)], clock().now(), idle))
        row = cursor.fetchone()
    return None if row is None else row[1]
