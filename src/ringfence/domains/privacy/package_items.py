"""The packages of rights requests as items: where they are, and what ends them.

A package is sealed under a key of its own. It dies with the day of its bucket, and with its person.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from ringfence.domains.privacy.items import (
    register_item_cleanup,
    register_items_of_bucket,
    register_items_of_person,
    register_next_item_day,
)
from ringfence.domains.privacy.models import RightsRequest
from ringfence.kernel.fields import CONTENT, RIGHTS_PACKAGES, SealedFieldNumber
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket
from ringfence.platform.settings import StorageSettings
from ringfence.platform.storage import ObjectStore, open_store
from ringfence.platform_django.tenancy import OPERATOR, across_tenants


def register() -> None:
    """Called when the app is ready."""
    register_items_of_person(items_of_person)
    register_items_of_bucket(items_of_bucket)
    register_next_item_day(next_item_day)
    register_item_cleanup(clean_up)


def object_store() -> ObjectStore:
    """Where this installation keeps objects."""
    return _store(settings.RINGFENCE.storage_url, settings.RINGFENCE.storage)


@lru_cache(4)
def _store(url: str, options: StorageSettings) -> ObjectStore:
    return open_store(url, options)


def object_key(tenant: UUID, package: UUID) -> str:
    """The object that keeps a package."""
    return f"{tenant.hex}/rights/{package.hex}"


def place(row: RightsRequest, day: int) -> Place:
    """Where a package that is made on this day is sealed for."""
    bucket = Bucket(CONTENT, RIGHTS_PACKAGES, day)
    field = SealedFieldNumber.RIGHTS_PACKAGE
    return Place(row.tenant_id, field, row.id, row.person_id, bucket)


def items_of_person(tenant: UUID, person: UUID) -> list[UUID]:
    """Every package that was made for the person."""
    rows = RightsRequest.objects.using(OPERATOR).filter(
        tenant_id=tenant, person_id=person, package_day__isnull=False
    )
    return list(rows.values_list("package_id", flat=True))


def items_of_bucket(
    tenant: UUID | None, category: str, rule: str, day: int
) -> list[tuple[UUID, UUID]]:
    """Tenant and id of each package that ends with a day."""
    if (category, rule) != (CONTENT, RIGHTS_PACKAGES):
        return []
    rows = RightsRequest.objects.using(OPERATOR).filter(package_day=day)
    if tenant is not None:
        rows = rows.filter(tenant_id=tenant)
    return list(rows.values_list("tenant_id", "package_id"))


def next_item_day(tenant: UUID, category: str, rule: str, first: int, end: int) -> int | None:
    """The first day from ``first`` on, before ``end``, of which the tenant has packages."""
    if (category, rule) != (CONTENT, RIGHTS_PACKAGES):
        return None
    rows = RightsRequest.objects.using(OPERATOR).filter(
        tenant_id=tenant, package_day__gte=first, package_day__lt=end
    )
    return rows.order_by("package_day").values_list("package_day", flat=True).first()


def clean_up(tenant: UUID, items: Sequence[UUID], reason: str) -> None:
    """The keys of these items are dead: delete the objects. May be repeated."""
    rows = RightsRequest.objects.using(OPERATOR).filter(tenant_id=tenant, package_id__in=items)
    found = list(rows.values_list("package_id", flat=True))
    for package in found:
        object_store().delete(object_key(tenant, package))
    if found:
        with across_tenants("clean up packages") as db:
            ours = RightsRequest.objects.using(db).filter(package_id__in=found)
            ours.update(package_bytes=None)
