"""Who looked at this."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from ringfence.domains.identity import api
from ringfence.domains.identity.contracts import ViewerInfo
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import caller_of, requires, responses

router = Router()


class ViewerOut(Schema):
    """One opening. ``who``: an e-mail, the name of a key, or a part of the software. ``grant`` and
    ``reason``: of the operator's staff, why the tenant let them in. ``case``: the case in which
    somebody who proved to be the customer was told."""

    id: str
    at: datetime
    kind: Literal["member", "staff", "key", "client", "software"]
    who: str
    actor: str
    purpose: str
    grant: str | None
    reason: str | None
    case: str | None
    outcome: str


class ViewerList(Schema):
    """Newest first; ``next`` is the cursor of the next page."""

    viewers: list[ViewerOut]
    next: str | None


class ViewerQuery(Schema):
    object: Annotated[str, Field(pattern="^[A-Z]{2}[0-9a-f]{32}$")]
    """The public id of a call, a recording …"""
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def before(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.cursor is None else parse_public_id(Prefix.USE, self.cursor)


@router.get(
    "/viewers", response=responses(ViewerList, 422), operation_id="list_viewers", tags=["audit"]
)
@requires("audit:read")
def list_viewers(request: HttpRequest, query: Query[ViewerQuery]) -> ViewerList:
    """Who opened personal values of an object, for what, and by whose leave."""
    found, cursor = api.list_viewers(
        caller_of(request).tenant_id, query.object, before=query.before, limit=query.limit
    )
    return ViewerList(
        viewers=[_out(info) for info in found],
        next=None if cursor is None else public_id(Prefix.USE, cursor),
    )


def _out(info: ViewerInfo) -> ViewerOut:
    return ViewerOut(
        id=public_id(Prefix.USE, info.id),
        at=info.at,
        kind=info.kind,
        who=info.who,
        actor=info.actor,
        purpose=info.purpose,
        grant=None if info.grant_id is None else public_id(Prefix.ACCESS_GRANT, info.grant_id),
        reason=info.reason,
        case=None if info.case_id is None else public_id(Prefix.CPNI_CASE, info.case_id),
        outcome=info.outcome,
    )
