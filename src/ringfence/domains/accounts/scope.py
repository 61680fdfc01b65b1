"""Who manages accounts: the operator all of them, a reseller those below its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from ringfence.domains.accounts.contracts import TenantNotFound
from ringfence.domains.accounts.models import Tenant
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.tenancy import APP, across_tenants, tenant


@contextmanager
def managing(manager: UUID | None) -> Iterator[str]:
    """One transaction in which a manager's accounts are seen; yields the alias.

    ``manager`` is a reseller's id, and row-level security bounds what is there; None is the
    operator.
    """
    if manager is None:
        with across_tenants("manage accounts") as db:
            yield db
    else:
        with tenant(manager):
            yield APP


def managed(db: str, manager: UUID | None, tenant_id: UUID) -> Tenant:
    """An account of the manager's, locked until the transaction ends; never the manager itself.

    Raises TenantNotFound.
    """
    rows = Tenant.objects.using(db).select_for_update().filter(id=tenant_id)
    row = rows.exclude(id=manager or INSTALLATION).first()
    if row is None:
        raise TenantNotFound("no such tenant")
    return row
