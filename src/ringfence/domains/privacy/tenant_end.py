"""What domains do when a tenant is at its end and its keys are dead: their files, then all rows.

Privacy knows no domain and no tenant; they register these when their apps are ready. Each may be
called again, and must then find nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

FileRemoval = Callable[[UUID, Collection[UUID]], None]
"""``(tenant, held)``: delete every file and object of the tenant, and what else hangs on its rows,
but for the items that a legal hold covers."""
RowRemoval = Callable[[UUID], int]
"""``(tenant)``: delete the tenant's rows but for those that are kept, and add how many that were to
the order of its end, all in one transaction; how many that were."""

_files: list[FileRemoval] = []
_rows: list[RowRemoval] = []


def register_file_removal(callback: FileRemoval) -> None:
    """See FileRemoval."""
    if callback not in _files:
        _files.append(callback)


def register_row_removal(callback: RowRemoval) -> None:
    """See RowRemoval. There is one; a later one takes its place."""
    _rows[:] = [callback]


def remove_files(tenant: UUID, held: Collection[UUID]) -> None:
    """Of all domains."""
    for callback in _files:
        callback(tenant, held)


def remove_rows(tenant: UUID) -> int:
    """Raises RuntimeError when nobody registered."""
    if not _rows:
        raise RuntimeError("nobody removes the rows of a tenant")
    return _rows[0](tenant)
