"""Records are projected from the journal, and clean-up clears both: it waits for projections that
have read what it cleared, which would otherwise write it back."""

from __future__ import annotations

from typing import Any

from django.db import connections

from ringfence.platform_django.tenancy import across_tenants

_PROJECTION = 0x52465052
"""Advisory lock: shared by projections from before they read the journal until they commit."""


def begin_projection(cursor: Any) -> None:
    """To be called in the transaction of a projection, before it reads."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_PROJECTION])


def wait_for_projections() -> None:
    """Returns when every projection that may have read earlier has committed or failed."""
    with across_tenants("projection") as alias, connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PROJECTION])
