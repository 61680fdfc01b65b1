"""A tenant sets its telephone password, or the question and answer that stand in for it."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.compliance.contracts import Changed, UnknownQuestion, WeakSecret
from ringfence.domains.compliance.models import Account, Contact
from ringfence.domains.compliance.queries import contacts_of
from ringfence.domains.compliance.rules.records import OnFile
from ringfence.domains.compliance.rules.secrets import (
    ANSWER_LENGTH,
    PASSWORD_LENGTH,
    QUESTIONS,
    Facts,
    normal,
    problems,
)
from ringfence.domains.compliance.usecases.notify import began, notify
from ringfence.domains.numbers.api import list_numbers
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant

_PAGES = 10
"""Pages of numbers that a secret is compared with."""


def set_password(tenant_id: UUID, password: str, actor: str) -> None:
    """Set or change the telephone password. Needs a use in force. Raises WeakSecret."""
    now = clock().now()
    with tenant(tenant_id):
        row, contacts = locked_account(tenant_id), contacts_of(APP, tenant_id)
        _check(tenant_id, password, contacts, PASSWORD_LENGTH)
        first = row.password_set_at is None
        row.password_hash, row.password_set_at = make_password(normal(password)), now
        row.save(update_fields=["password_hash", "password_set_at"])
        if not (first and began(tenant_id, now)):
            notify(tenant_id, [Changed.PASSWORD], contacts, actor)


def set_backup(tenant_id: UUID, question: str, answer: str, actor: str) -> None:
    """Set or change the question and the answer. Needs a use in force.

    Raises UnknownQuestion, WeakSecret.
    """
    if question not in QUESTIONS:
        raise UnknownQuestion("the question is none of the list")
    now = clock().now()
    with tenant(tenant_id):
        row, contacts = locked_account(tenant_id), contacts_of(APP, tenant_id)
        _check(tenant_id, answer, contacts, ANSWER_LENGTH)
        first = row.answer_set_at is None
        row.question, row.answer_hash = question, make_password(normal(answer))
        row.answer_set_at = now
        row.save(update_fields=["question", "answer_hash", "answer_set_at"])
        if not (first and began(tenant_id, now)):
            notify(tenant_id, [Changed.BACKUP], contacts, actor)


def locked_account(tenant_id: UUID) -> Account:
    """The tenant's row, which changes of one transaction at a time; in the tenant's."""
    Account.objects.get_or_create(tenant_id=tenant_id)
    return Account.objects.select_for_update().get(tenant_id=tenant_id)


def _check(
    tenant_id: UUID, secret: str, contacts: list[tuple[Contact, OnFile]], length: int
) -> None:
    info = get_any_tenant(tenant_id)
    texts = [info.name, public_id(Prefix.TENANT, tenant_id), *(one.value for _, one in contacts)]
    before = None
    for _ in range(_PAGES):
        page = list_numbers(tenant_id, before=before, limit=200)
        texts += [number.e164 for number in page.numbers]
        before = page.next_cursor
        if before is None:
            break
    found = problems(secret, Facts(tuple(texts), (info.created_at.date(),)), length=length)
    if length == PASSWORD_LENGTH and _is_common(secret):
        found.append("common")
    if found:
        raise WeakSecret(
            "a secret is nothing that is known or easily guessed", details={"problems": found}
        )


def _is_common(secret: str) -> bool:
    common = CommonPasswordValidator()
    try:
        common.validate(secret)
        common.validate(normal(secret))
    except ValidationError:
        return True
    return False
