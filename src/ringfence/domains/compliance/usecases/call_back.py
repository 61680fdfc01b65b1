"""The customer is called back at the number of record, by somebody else than works the case."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

from ringfence.domains.compliance.contracts import (
    CallBack,
    CaseInfo,
    CaseStateConflict,
    NotOfRecord,
    SamePerson,
)
from ringfence.domains.compliance.queries import contacts_of, machine
from ringfence.domains.compliance.rules.authentication import Event, State, at
from ringfence.domains.compliance.rules.records import Kind, masked, of_record
from ringfence.domains.compliance.usecases.cases import Held, actor_in, held
from ringfence.domains.numbers.api import owned_numbers
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.use import using


def order_call_back(staff: Caller, case_id: UUID) -> tuple[CaseInfo, str]:
    """Have the customer called; the number of record, masked.

    Raises CaseNotFound, CaseStateConflict, NotOfRecord, LocationRefused.
    """
    with held(staff, case_id) as case:
        case.happen(Event.CALLBACK_ORDER)
        number = contact_of_record(case, Kind.NUMBER, actor_in(staff, case_id))
        case.row.callback_by = staff.actor
        return case.save(), masked(Kind.NUMBER, number)


def place_call_back(staff: Caller, case_id: UUID) -> CallBack:
    """Take the order of somebody else: whom to call, and the code to tell them, shown once.

    Raises CaseNotFound, CaseStateConflict, SamePerson, NotOfRecord, LocationRefused.
    """
    with held(staff, case_id) as case:
        case.happen(Event.CALLBACK_PLACE)
        if case.row.callback_by == staff.actor:
            raise SamePerson("somebody else calls back than who asked for it")
        number = contact_of_record(case, Kind.NUMBER, actor_in(staff, case_id))
        code = f"{secrets.randbelow(10**6):06}"
        case.row.code_hash, case.row.code_by = _hash(case_id, code), staff.actor
        return CallBack(case.save(), number, code)


def confirm_call_back(staff: Caller, case_id: UUID, code: str) -> CaseInfo:
    """Compare the code that the caller repeats, who can have it from the number of record alone. A
    wrong one is no error: three end the call-back, as do ten minutes.

    Raises CaseNotFound, CaseStateConflict, SamePerson, LocationRefused.
    """
    with held(staff, case_id) as case:
        row, state = case.row, at(machine(case.row), clock().now()).state
        if state is not State.CALLBACK_PLACED or row.code_hash is None:
            raise CaseStateConflict("no code is waited for", details={"state": state.value})
        if row.code_by == staff.actor:
            raise SamePerson("who knows the code does not confirm it")
        right = constant_time_compare(bytes(row.code_hash), _hash(case_id, code))
        case.happen(Event.CODE_RIGHT if right else Event.CODE_WRONG)
        if right:
            row.code_hash = None
        return case.save()


def contact_of_record(case: Held, kind: Kind, actor: str) -> str:
    """The tenant's contact, opened for the case. Raises NotOfRecord."""
    now, tenant_id = clock().now(), case.row.tenant_id
    with using("support", actor):
        found = [one for _, one in contacts_of(case.db, tenant_id) if one.kind is kind]
    values = [one.value for one in found if of_record(one, now)]
    if kind is Kind.NUMBER:  # one that was released rings at somebody else
        values = sorted(owned_numbers(tenant_id, frozenset(values)))
    if not values:
        raise NotOfRecord("there is no such contact, or not for long enough")
    return values[0]


def _hash(case_id: UUID, code: str) -> bytes:
    return salted_hmac(
        "ringfence.cpni.code", case_id.bytes + code.encode(), algorithm="sha256"
    ).digest()
