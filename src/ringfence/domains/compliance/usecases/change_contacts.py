"""A tenant says where it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ringfence.domains.compliance.contracts import Changed, InvalidContact
from ringfence.domains.compliance.models import Contact
from ringfence.domains.compliance.queries import contacts_of
from ringfence.domains.compliance.rules.records import Kind
from ringfence.domains.compliance.usecases.notify import began, notify
from ringfence.domains.compliance.usecases.set_secrets import locked_account
from ringfence.domains.numbers.api import owned_numbers
from ringfence.kernel.fields import CPNI_CONTACTS, IDENTIFIER
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import APP, tenant


def change_contacts(tenant_id: UUID, wanted: Mapping[Kind, str | None], actor: str) -> None:
    """Have these contacts on file, and of the kinds that have none, none. Needs a use in force.

    The number is one of the tenant's own: the number of record is that of the service, not one
    that somebody left (64.2003). Raises InvalidContact.
    """
    checked = {kind: _checked(tenant_id, kind, wanted.get(kind)) for kind in Kind}
    now = clock().now()
    with tenant(tenant_id):
        locked_account(tenant_id)
        before = contacts_of(APP, tenant_id)
        current: dict[str, str | None] = dict.fromkeys(  # "": on file, and opens no more
            Contact.objects.filter(tenant_id=tenant_id, replaced_at=None).values_list(
                "kind", flat=True
            ),
            "",
        )
        current |= {one.kind.value: one.value for _, one in before if one.replaced_at is None}
        changed = [kind for kind in Kind if checked[kind] != current.get(kind.value)]
        known = set(Contact.objects.filter(tenant_id=tenant_id).values_list("kind", flat=True))
        new_account = began(tenant_id, now)
        first = {kind for kind in changed if new_account and kind.value not in known}
        notify(tenant_id, [Changed(kind.value) for kind in changed if kind not in first],
               before, actor)  # fmt: skip
        for kind in changed:
            rows = Contact.objects.filter(tenant_id=tenant_id, kind=kind.value, replaced_at=None)
            rows.update(replaced_at=now)
            value = checked[kind]
            if value is not None:
                _put(tenant_id, kind, value, now, with_account=kind in first)


def _put(tenant_id: UUID, kind: Kind, value: str, now: datetime, *, with_account: bool) -> None:
    identifier = {
        Kind.EMAIL: Identifier("email", value),
        Kind.NUMBER: Identifier("e164", value),
        Kind.ADDRESS: Identifier("withheld"),
    }[kind]
    bucket = Bucket(IDENTIFIER, CPNI_CONTACTS, account=tenant_id)
    (person,) = keys().resolve(tenant_id, [identifier], seal=(bucket,))
    row = Contact(
        id=new_id(),
        tenant_id=tenant_id,
        kind=kind.value,
        holder_id=person.person,
        since=now,
        with_account=with_account,
    )
    row.value_sealed = seal_field(row, "value_sealed", value)
    row.save(force_insert=True)


def _checked(tenant_id: UUID, kind: Kind, value: str | None) -> str | None:
    if value is None:
        return None
    value = value.strip()
    if kind is Kind.EMAIL:
        value = value.lower()
        try:
            validate_email(value)
        except ValidationError:
            raise InvalidContact("this is no e-mail address") from None
    elif kind is Kind.NUMBER:
        if value not in owned_numbers(tenant_id, frozenset({value})):
            raise InvalidContact("the number of record is an active number of the account")
    elif not 10 <= len(value) <= 500:
        raise InvalidContact("a postal address has 10 to 500 characters")
    return value
