"""How a case proves that it is with the customer. What proves nothing is no error: it is counted,
and the case says in which state it is."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from ringfence.domains.compliance import api
from ringfence.domains.compliance.http.cases import VERIFY, case_id_of
from ringfence.domains.compliance.schemas import (
    AnswerIn,
    CallBackOut,
    CaseOut,
    CodeIn,
    OrderedOut,
    PasswordIn,
    case_out,
)
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

router = Router(tags=["cpni"])


@router.post(
    "/cpni/cases/{case_id}/password",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="try_cpni_password",
)
@operator_only
@requires(VERIFY)
def try_cpni_password(request: HttpRequest, case_id: str, body: PasswordIn) -> CaseOut:
    """Compare the password that the caller told. The fifth wrong one locks the account for a
    quarter of an hour."""
    return case_out(api.try_password(caller_of(request), case_id_of(case_id), body.password))


@router.post(
    "/cpni/cases/{case_id}/backup",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="try_cpni_backup",
)
@operator_only
@requires(VERIFY)
def try_cpni_backup(request: HttpRequest, case_id: str, body: AnswerIn) -> CaseOut:
    """Compare the answer to the backup question; a wrong one counts like a wrong password."""
    return case_out(api.try_backup(caller_of(request), case_id_of(case_id), body.answer))


@router.post(
    "/cpni/cases/{case_id}/photo-id",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="show_cpni_photo_id",
)
@operator_only
@requires(VERIFY)
def show_cpni_photo_id(request: HttpRequest, case_id: str) -> CaseOut:
    """In store: a valid photo ID was seen that matches the account."""
    return case_out(api.show_photo_id(caller_of(request), case_id_of(case_id)))


@router.post(
    "/cpni/cases/{case_id}/contract",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="follow_cpni_contract",
)
@operator_only
@requires(VERIFY)
def follow_cpni_contract(request: HttpRequest, case_id: str) -> CaseOut:
    """The caller did what the customer's contract says."""
    return case_out(api.follow_contract(caller_of(request), case_id_of(case_id)))


@router.post(
    "/cpni/cases/{case_id}/callback",
    response=responses(OrderedOut, 404, 409, 422),
    operation_id="order_cpni_callback",
)
@operator_only
@requires(VERIFY)
def order_cpni_callback(request: HttpRequest, case_id: str) -> OrderedOut:
    """Have somebody else of the staff call the number of record."""
    info, number = api.order_call_back(caller_of(request), case_id_of(case_id))
    return OrderedOut(case=case_out(info), number=number)


@router.post(
    "/cpni/cases/{case_id}/callback/place",
    response=responses(CallBackOut, 404, 409, 422),
    operation_id="place_cpni_callback",
)
@operator_only
@requires(VERIFY)
def place_cpni_callback(request: HttpRequest, case_id: str) -> CallBackOut:
    """Take a call-back that somebody else ordered: the number, and the code to tell whoever
    answers it."""
    made = api.place_call_back(caller_of(request), case_id_of(case_id))
    return CallBackOut(case=case_out(made.case), number=made.number, code=made.code)


@router.post(
    "/cpni/cases/{case_id}/callback/confirm",
    response=responses(CaseOut, 404, 409, 422),
    operation_id="confirm_cpni_callback",
)
@operator_only
@requires(VERIFY)
def confirm_cpni_callback(request: HttpRequest, case_id: str, body: CodeIn) -> CaseOut:
    """Compare the code that the caller repeats. Three tries, within ten minutes."""
    return case_out(api.confirm_call_back(caller_of(request), case_id_of(case_id), body.code))
