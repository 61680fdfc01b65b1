"""Binding of a tenant to a transaction. Row-level security reads what is set here.

Without a tenant no query of the application role returns or changes a row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections, transaction

APP = "default"
OPERATOR = "operator"
CALLPLANE = "callplane"
OWNER = "owner"
IDENTITY = "identity"
CACHE = "cache"
"""The role ``identity`` outside its transactions: what was counted stays counted."""

_log = logging.getLogger("ringfence.tenancy")


@contextmanager
def tenant(tenant_id: UUID) -> Iterator[None]:
    """One transaction as one tenant, as the application role.

    Nested blocks are savepoints: the outer tenant is in force again when the inner block ends,
    also when it ends with an exception (the rollback restores the setting).
    """
    nested = connections[APP].in_atomic_block
    with transaction.atomic(using=APP):
        outer = current_tenant() if nested else None
        _bind(tenant_id)
        yield
        if nested:
            _bind(outer)


def current_tenant() -> UUID | None:
    """The tenant bound to the application's transaction, if any."""
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('ringfence.tenant', true), '')::uuid")
        row = cursor.fetchone()
    found: UUID | None = row[0] if row else None
    return found


def _bind(tenant_id: UUID | None) -> None:
    text = "" if tenant_id is None else str(tenant_id)
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT set_config('ringfence.tenant', %s, true)", [text])


@contextmanager
def across_tenants(purpose: str) -> Iterator[str]:
    """One transaction as the operator role, which sees all tenants; yields the database alias.

    ``purpose`` is a constant word for the log, such as "provision" or "projection".
    """
    with transaction.atomic(using=OPERATOR):
        _log.debug("work across tenants", extra={"kv": {"purpose": purpose}})
        yield OPERATOR
