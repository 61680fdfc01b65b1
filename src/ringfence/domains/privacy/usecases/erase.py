"""Destroying persons, items and days: at once, or by a job that the caller's transaction orders."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connections
from procrastinate.contrib.django import app

from ringfence.domains.privacy.contracts import ErasureInfo, PersonUnknown
from ringfence.domains.privacy.queries import person_is_known, persons_of_tenant
from ringfence.domains.privacy.usecases.carry_out import carry_out
from ringfence.domains.privacy.usecases.order_erasure import order_end, order_erasure
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import APP

TASK = "privacy.carry_out"
_PURPOSE = "rights"


def destroy_person(
    tenant: UUID, person: UUID, *, keep: Sequence[str] = (), actor: str
) -> ErasureInfo:
    """Erase a person, but for the categories of keys that the law excepts.

    Every track of their calls dies too, unless ``privacy.joint_content`` is ``channel``. Not to be
    called in a transaction. Raises Unavailable; what was ordered is then finished by a job.
    """
    _no_transaction()
    return carry_out(_order_person(tenant, person, keep, actor).id)


def destroy_items(
    tenant: UUID, items: Sequence[UUID], *, actor: str, reason: str = "request"
) -> ErasureInfo:
    """Destroy items, as ``destroy_person`` does persons."""
    _no_transaction()
    return carry_out(_order_items(tenant, items, actor, reason).id)


def expire(tenant: UUID, category: str, rule: str, day: int, *, actor: str) -> ErasureInfo:
    """End a day (days since 1970-01-01, UTC) of a category and rule; a second time does nothing.

    Not to be called in a transaction. Raises UnfitName, Unavailable.
    """
    _no_transaction()
    bucket = Bucket(category, rule, day=day)
    bucket.encode()
    destruction = Destruction(buckets=(bucket,))
    order = order_erasure(tenant, "bucket", destruction, reason="retention", actor=actor)
    return carry_out(order.id)


def end_tenant(tenant: UUID, *, actor: str) -> ErasureInfo:
    """End all data of a tenant for good: every key, file and row of it, but for what the law keeps
    and what a legal hold covers. A second time goes on where the first one was, or does nothing.

    Not to be called in a transaction. Raises Unavailable; what was ordered is then finished by a
    job.
    """
    _no_transaction()
    return carry_out(order_end(tenant, actor=actor).id)


def erase_identifier(
    tenant: UUID,
    identifier: Identifier,
    *,
    keep: Sequence[str] = (),
    earlier_tenures: bool = False,
    actor: str,
) -> list[ErasureInfo]:
    """Erase whom an identifier means now; on demand those whom it meant before, too.

    Not to be called in a transaction. Raises PersonUnknown, Unavailable.
    """
    _no_transaction()
    persons = find_persons(tenant, identifier, earlier_tenures=earlier_tenures, actor=actor)
    orders = [_order_person(tenant, person, keep, actor) for person in persons]
    return [carry_out(order.id) for order in orders]


def request_erasure(tenant: UUID, person: UUID, *, actor: str) -> ErasureInfo:
    """Order a person's erasure in the caller's transaction; a job of that transaction does it.

    Raises PersonUnknown when no row of the tenant names the person.
    """
    if not person_is_known(tenant, person):
        raise PersonUnknown("nobody of this tenant is meant")
    return _enqueue(_order_person(tenant, person, (), actor))


def request_identifier_erasure(tenant: UUID, identifier: Identifier, *, actor: str) -> ErasureInfo:
    """As ``request_erasure``, of whom an identifier means now. The identifier goes no further."""
    (person,) = find_persons(tenant, identifier, actor=actor)
    return _enqueue(_order_person(tenant, person, (), actor))


def request_items_erasure(
    tenant: UUID, items: Sequence[UUID], *, actor: str, reason: str = "request"
) -> ErasureInfo:
    """Order the destruction of items in the caller's transaction; a job of it does it."""
    return _enqueue(_order_items(tenant, items, actor, reason))


def find_person(tenant: UUID, identifier: Identifier, *, actor: str) -> UUID | None:
    """Whom an identifier means now, if anybody. Raises Unavailable."""
    (found,) = keys().find(tenant, [identifier], purpose=_PURPOSE, actor=actor)
    return None if found is None else found.person


def find_persons(
    tenant: UUID, identifier: Identifier, *, earlier_tenures: bool = False, actor: str
) -> list[UUID]:
    """Whom an identifier means now, and on demand whom it meant before: those are looked for
    among everybody whom the tenant's rows name. Raises PersonUnknown, Unavailable."""
    (found,) = keys().find(tenant, [identifier], purpose=_PURPOSE, actor=actor)
    persons = [] if found is None else [found.person]
    if earlier_tenures and (found is None or found.tenure > 1):
        named = persons_of_tenant(tenant) - set(persons)
        persons += [person for person in named if _was(tenant, person, identifier, actor)]
    if not persons:
        raise PersonUnknown("nobody of this tenant is meant")
    return persons


def _was(tenant: UUID, person: UUID, identifier: Identifier, actor: str) -> bool:
    try:
        made_for = keys().person_identifier(tenant, person, _PURPOSE, actor=actor)
    except (KeyDestroyed, KeyUnknown):
        return False
    return made_for is not None and made_for.normal() == identifier.normal()


def _order_person(tenant: UUID, person: UUID, keep: Sequence[str], actor: str) -> ErasureInfo:
    destruction = Destruction(persons=(ErasePerson(person, tuple(keep)),))
    return order_erasure(tenant, "person", destruction, reason="erasure", actor=actor)


def _order_items(tenant: UUID, items: Sequence[UUID], actor: str, reason: str) -> ErasureInfo:
    destruction = Destruction(items=tuple(sorted(set(items))))
    return order_erasure(tenant, "items", destruction, reason=reason, actor=actor)


def _enqueue(order: ErasureInfo) -> ErasureInfo:
    app.configure_task(TASK).defer(erasure=order.id.hex)
    return order


def _no_transaction() -> None:
    """Keys cannot come back when a transaction is rolled back."""
    if connections[APP].in_atomic_block:
        raise RuntimeError("a destruction is not part of a transaction; order it there instead")
