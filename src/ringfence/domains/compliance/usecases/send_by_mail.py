"""Call detail goes to the address of record, and is not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.calls.api import list_calls
from ringfence.domains.calls.contracts import CallFilter, CallInfo
from ringfence.domains.compliance.contracts import CaseInfo, Letter, SamePerson, TooManyCalls
from ringfence.domains.compliance.rules.authentication import Event
from ringfence.domains.compliance.rules.records import Kind
from ringfence.domains.compliance.usecases.call_back import contact_of_record
from ringfence.domains.compliance.usecases.cases import Held, actor_in, held
from ringfence.domains.compliance.usecases.disclose import record
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.use import using

MOST_CALLS = 1000
_PAGE = 200


def send_by_email(staff: Caller, case_id: UUID, since: datetime, until: datetime) -> CaseInfo:
    """Mail the calls of a time to the e-mail address of record. Nobody sees them here.

    Raises CaseNotFound, CaseStateConflict, NotOfRecord, TooManyCalls, LocationRefused.
    """
    with held(staff, case_id) as case:
        _order(staff, case, since, until)
        address = contact_of_record(case, Kind.EMAIL, actor_in(staff, case_id))
        calls = _calls(staff, case)
        queue_mail(address, "The calls that you asked for", _text(case, calls))
        case.happen(Event.MAIL_SEND)
        record(case, "mailed", staff.actor, calls)
        return case.save()


def order_letter(staff: Caller, case_id: UUID, since: datetime, until: datetime) -> CaseInfo:
    """Have the calls of a time posted to the postal address of record, by somebody else.

    Raises CaseNotFound, CaseStateConflict, NotOfRecord, LocationRefused.
    """
    with held(staff, case_id) as case:
        _order(staff, case, since, until)
        contact_of_record(case, Kind.ADDRESS, actor_in(staff, case_id))
        return case.save()


def write_letter(staff: Caller, case_id: UUID) -> Letter:
    """The letter that somebody else ordered, for the post; it counts as sent.

    Raises CaseNotFound, CaseStateConflict, SamePerson, NotOfRecord, TooManyCalls, LocationRefused.
    """
    with held(staff, case_id) as case:
        case.happen(Event.MAIL_SEND)
        if case.row.mail_by == staff.actor:
            raise SamePerson("somebody else posts the letter than who talks to the caller")
        address = contact_of_record(case, Kind.ADDRESS, actor_in(staff, case_id))
        calls = _calls(staff, case)
        record(case, "mailed", staff.actor, calls)
        return Letter(case.save(), address, _text(case, calls))


def _order(staff: Caller, case: Held, since: datetime, until: datetime) -> None:
    case.happen(Event.MAIL_ORDER)
    row = case.row
    row.mail_by, row.mail_since, row.mail_until = staff.actor, since, until


def _calls(staff: Caller, case: Held) -> list[CallInfo]:
    where = CallFilter(since=case.row.mail_since, until=case.row.mail_until)
    found: list[CallInfo] = []
    before = None
    with using("support", actor_in(staff, case.row.id)):
        while True:
            page = list_calls(case.row.tenant_id, where, before=before, limit=_PAGE)
            found += page.calls
            before = page.next_cursor
            if before is None:
                return found
            if len(found) >= MOST_CALLS:
                raise TooManyCalls("ask for a shorter time", details={"limit": MOST_CALLS})


def _text(case: Held, calls: Sequence[CallInfo]) -> str:
    name = get_any_tenant(case.row.tenant_id).name
    lines = [
        f"{call.started_at:%Y-%m-%d %H:%M:%S} UTC  {call.direction}  "
        f"{call.from_number or 'withheld'} -> {call.to_number or 'withheld'}  "
        f"{call.billed_seconds} s"
        for call in calls
    ]
    return (
        f"You, or somebody in your name, asked us on {clock().now():%Y-%m-%d} for calls of the "
        f"account {name}. We send them here and told nothing of them.\n\n"
        + "\n".join(lines or ["There were none in that time."])
        + "\n"
    )
