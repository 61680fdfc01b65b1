"""REST API of the audit trail: who looked at this, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.audit.contracts import UseInfo
from ringfence.platform_django.audit.queries import MAX_PAGE, list_uses
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["audit"])


class UseOut(Schema):
    """One use of personal values. ``outcome`` is ``ok`` or the code of the first error."""

    id: str
    at: datetime
    credential: str
    actor: str
    action: str
    purpose: str
    objects: list[str]
    outcome: str


class UseList(Schema):
    """Newest first; ``next`` is the cursor of the next page."""

    uses: list[UseOut]
    next: str | None


class UseQuery(Schema):
    """What to list."""

    object: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The public id of a call, recording …: only uses of it."""
    since: AwareDatetime | None = None
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50

    @property
    def before(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.cursor is None else parse_public_id(Prefix.USE, self.cursor)


@router.get("/audit/uses", response=responses(UseList, 422), operation_id="list_uses")
@requires("audit:read")
def list_audit_uses(request: HttpRequest, query: Query[UseQuery]) -> UseList:
    """Who used the tenant's personal values for what, newest first."""
    page = list_uses(
        caller_of(request).tenant_id,
        object_id=query.object,
        since=query.since,
        before=query.before,
        limit=query.limit,
    )
    cursor = page.next_cursor
    return UseList(
        uses=[_out(info) for info in page.uses],
        next=None if cursor is None else public_id(Prefix.USE, cursor),
    )


def _out(info: UseInfo) -> UseOut:
    return UseOut(
        id=public_id(Prefix.USE, info.id),
        at=info.at,
        credential=info.credential,
        actor=info.actor,
        action=info.action,
        purpose=info.purpose,
        objects=list(info.objects),
        outcome=info.outcome,
    )
