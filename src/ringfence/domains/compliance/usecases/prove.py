"""The caller tells a secret, shows an ID, or does what the contract says."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.hashers import check_password

from ringfence.domains.compliance.contracts import CaseInfo, NotSet
from ringfence.domains.compliance.rules.authentication import Attempts, Event
from ringfence.domains.compliance.rules.secrets import normal
from ringfence.domains.compliance.usecases.cases import Held, held
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller


def try_password(staff: Caller, case_id: UUID, password: str) -> CaseInfo:
    """Compare the password that the caller told. A wrong one is no error: it counts.

    Raises CaseNotFound, CaseStateConflict, NotSet, LocationRefused.
    """
    with held(staff, case_id) as case:
        stored = case.account.password_hash
        return _compare(case, password, stored, Event.PASSWORD_RIGHT, Event.PASSWORD_WRONG)


def try_backup(staff: Caller, case_id: UUID, answer: str) -> CaseInfo:
    """Compare the answer to the backup question, like ``try_password``."""
    with held(staff, case_id) as case:
        stored = case.account.answer_hash
        return _compare(case, answer, stored, Event.BACKUP_RIGHT, Event.BACKUP_WRONG)


def _compare(case: Held, secret: str, stored: str, right: Event, wrong: Event) -> CaseInfo:
    """While the account is locked nothing is compared, so that a lock says nothing either."""
    now, account = clock().now(), case.account
    attempts = Attempts(account.failures, account.locked_until)
    if attempts.locked(now):
        case.happen(Event.LOCK)
        return case.save()
    if not stored:
        raise NotSet("the customer has not set this")
    case.after(wrong)  # or nothing is compared
    if check_password(normal(secret), stored):
        case.happen(right)
        attempts = Attempts()
    else:
        case.happen(wrong)
        case.row.failures += 1
        attempts = attempts.failed(now)
        if attempts.locked(now):
            case.happen(Event.LOCK)
    account.failures, account.locked_until = attempts.failures, attempts.locked_until
    account.save(using=case.db, update_fields=["failures", "locked_until"])
    return case.save()


def show_photo_id(staff: Caller, case_id: UUID) -> CaseInfo:
    """The staff saw a valid photo ID that matches the account (64.2010(d)); in store alone.

    Raises CaseNotFound, CaseStateConflict, LocationRefused.
    """
    with held(staff, case_id) as case:
        case.happen(Event.PHOTO_ID)
        return case.save()


def follow_contract(staff: Caller, case_id: UUID) -> CaseInfo:
    """The caller did what the tenant's contract says (64.2010(g)).

    Raises CaseNotFound, CaseStateConflict, NotSet without such a contract, LocationRefused.
    """
    with held(staff, case_id) as case:
        if not case.account.contract_regime:
            raise NotSet("no contract of this customer says how its callers are authenticated")
        case.happen(Event.CONTRACT)
        return case.save()
