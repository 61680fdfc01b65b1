"""News of changes of an account."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Query, Router

from ringfence.domains.compliance import api
from ringfence.domains.compliance.schemas import (
    NoticeList,
    NoticeQuery,
    OutgoingOut,
    notice_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import anyone, caller_of, operator_only, requires, responses

router = Router(tags=["cpni"])


@router.get("/cpni/notices", response=responses(NoticeList, 422), operation_id="list_cpni_notices")
@anyone
@requires("cpni:read")
def list_cpni_notices(request: HttpRequest, query: Query[NoticeQuery]) -> NoticeList:
    """For a tenant: the notices of its changes. For the operator: those that wait for somebody to
    tell or to post them."""
    caller = caller_of(request)
    page = api.list_notices(
        None if caller.is_operator else caller.tenant_id,
        before=query.before_id,
        limit=query.limit,
    )
    cursor = page.next_cursor
    return NoticeList(
        notices=[notice_out(info) for info in page.notices],
        next=None if cursor is None else public_id(Prefix.CPNI_NOTICE, cursor),
    )


@router.post(
    "/cpni/notices/{notice_id}/deliver",
    response=responses(OutgoingOut, 404, 422),
    operation_id="deliver_cpni_notice",
)
@operator_only
@requires("cpni:verify")
def deliver_cpni_notice(request: HttpRequest, notice_id: str) -> OutgoingOut:
    """Take a notice to tell it over the telephone or to post it; it counts as done."""
    id_ = parse_public_id(Prefix.CPNI_NOTICE, notice_id)
    out = api.deliver_notice(id_, caller_of(request).actor)
    return OutgoingOut(notice=notice_out(out.notice), to=out.to, text=out.text)
