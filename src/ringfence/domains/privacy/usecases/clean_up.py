"""The objects and rows of dead keys leave, but for what a legal hold covers."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.privacy.items import clean_up_items
from ringfence.domains.privacy.tenant_end import remove_files, remove_rows
from ringfence.domains.privacy.usecases.clear_rows import clear_rows, held_items, unheld
from ringfence.platform.keys.erasure import Destruction


def clean_up(tenant: UUID, destruction: Destruction, reason: str) -> int:
    """Returns how many rows were cleared; again, it finds nothing. Raises StorageUnavailable,
    django.db.Error.

    At a tenant's end the rows that are removed whole are counted where they are removed: in the
    order's ``rows_cleared``, in one transaction.
    """
    clean_up_items(tenant, unheld(tenant, destruction.items), reason)
    cleared = clear_rows(tenant, destruction)
    if destruction.everything:
        remove_files(tenant, held_items(tenant))
        remove_rows(tenant)
    return cleared
