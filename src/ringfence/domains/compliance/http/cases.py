"""Cases of customers who ask for their call detail: opened, told, mailed, closed."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.compliance import api
from ringfence.domains.compliance.schemas import (
    CaseIn,
    CaseList,
    CaseOut,
    CaseQuery,
    LetterOut,
    MailIn,
    NamedIn,
    NamedList,
    ToldCalls,
    ToldQuery,
    case_out,
    named_out,
    told_call,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

router = Router(tags=["cpni"])
VERIFY = "cpni:verify"


def case_id_of(text: str) -> UUID:
    return parse_public_id(Prefix.CPNI_CASE, text)


@router.post(
    "/cpni/cases", response=responses(CaseOut, 404, 422, success=201), operation_id="open_cpni_case"
)
@operator_only
@requires(VERIFY)
def open_cpni_case(request: HttpRequest, body: CaseIn) -> Status[CaseOut]:
    """Somebody asks for a tenant's call detail."""
    return Status(201, case_out(api.open_case(caller_of(request), body.tenant_id, body.channel)))


@router.get("/cpni/cases", response=responses(CaseList, 422), operation_id="list_cpni_cases")
@operator_only
@requires(VERIFY)
def list_cpni_cases(request: HttpRequest, query: Query[CaseQuery]) -> CaseList:
    """Cases and what was told in each, newest first."""
    page = api.list_cases(tenant_id=query.tenant_id, before=query.before_id, limit=query.limit)
    cursor = page.next_cursor
    return CaseList(
        cases=[case_out(info) for info in page.cases],
        next=None if cursor is None else public_id(Prefix.CPNI_CASE, cursor),
    )


@router.get(
    "/cpni/cases/{case_id}", response=responses(CaseOut, 404, 422), operation_id="get_cpni_case"
)
@operator_only
@requires(VERIFY)
def get_cpni_case(request: HttpRequest, case_id: str) -> CaseOut:
    """One case and what was told in it."""
    return case_out(api.get_case(case_id_of(case_id)))


@router.get(
    "/cpni/cases/{case_id}/calls",
    response=responses(ToldCalls, 404, 422),
    operation_id="list_cpni_calls",
)
@operator_only
@requires(VERIFY)
def list_cpni_calls(request: HttpRequest, case_id: str, query: Query[ToldQuery]) -> ToldCalls:
    """The customer's calls, while the case proves that it is with the customer; what is read here
    counts as told."""
    page = api.tell_calls(
        caller_of(request),
        case_id_of(case_id),
        since=query.since,
        until=query.until,
        before=query.before_id,
        limit=query.limit,
    )
    cursor = page.next_cursor
    return ToldCalls(
        calls=[told_call(info) for info in page.calls],
        next=None if cursor is None else public_id(Prefix.CALL, cursor),
    )


@router.post(
    "/cpni/cases/{case_id}/named-calls",
    response=responses(NamedList, 404, 409, 422),
    operation_id="name_cpni_call",
)
@operator_only
@requires(VERIFY)
def name_cpni_call(request: HttpRequest, case_id: str, body: NamedIn) -> NamedList:
    """The calls that the caller named without help: that they were, and no more."""
    found = api.discuss_named(caller_of(request), case_id_of(case_id), body.number, body.started_at)
    return NamedList(calls=[named_out(call) for call in found])


@router.post(
    "/cpni/cases/{case_id}/mail",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="mail_cpni_calls",
)
@operator_only
@requires(VERIFY)
def mail_cpni_calls(request: HttpRequest, case_id: str, body: MailIn) -> CaseOut:
    """Send calls to the e-mail address of record at once, or have them posted to the postal address
    of record. Nothing is told."""
    send = api.send_by_email if body.via == "email" else api.order_letter
    return case_out(send(caller_of(request), case_id_of(case_id), body.since, body.until))


@router.post(
    "/cpni/cases/{case_id}/letter",
    response=responses(LetterOut, 404, 409, 422),
    operation_id="print_cpni_letter",
)
@operator_only
@requires(VERIFY)
def print_cpni_letter(request: HttpRequest, case_id: str) -> LetterOut:
    """The letter that somebody else of the staff ordered, to post it; it counts as sent."""
    letter = api.write_letter(caller_of(request), case_id_of(case_id))
    return LetterOut(case=case_out(letter.case), address=letter.address, text=letter.text)


@router.post(
    "/cpni/cases/{case_id}/close",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="close_cpni_case",
)
@operator_only
@requires(VERIFY)
def close_cpni_case(request: HttpRequest, case_id: str) -> CaseOut:
    """End a case."""
    return case_out(api.close_case(caller_of(request), case_id_of(case_id)))
