"""Suppression lists: identifiers that must stay blocked after everything else of them is erased.

The one exception to "an identifier dies with its person", published as such. Each entry is a row of
its own, wrapped by itself: no key of a person has part in it, and no erasure reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ringfence.platform.keys.errors import UnfitName
from ringfence.platform.keys.names import KeyName, Kind, label
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.keys.store import KeyStore


def suppress(
    store: KeyStore, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
) -> None:
    """Put identifiers on a list, in the caller's transaction. Repeating it changes nothing.

    Raises UnfitName for an identifier that tells nobody from anybody else.
    """
    for identifier in identifiers:
        name = _name(tenant, suppression_list, identifier)
        if name is None:
            raise UnfitName("this identifier tells nobody from anybody else")
        if store.get(name) is None:
            store.replace(name, store.clock.micros().to_bytes(8, "big"))


def unsuppress(
    store: KeyStore, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
) -> None:
    """Take identifiers from a list, in the caller's transaction; gone for good when rotated."""
    names = [_name(tenant, suppression_list, identifier) for identifier in identifiers]
    store.condemn(name for name in names if name is not None and store.get(name) is not None)


def suppressed(
    store: KeyStore, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
) -> list[bool]:
    """Which of the identifiers stand on a list."""
    names = [_name(tenant, suppression_list, identifier) for identifier in identifiers]
    return [name is not None and store.get(name) is not None for name in names]


def _name(tenant: UUID, suppression_list: str, identifier: Identifier) -> KeyName | None:
    normal = identifier.normal()
    if normal is None:
        return None
    return KeyName(Kind.SUPPRESSED, tenant, label(suppression_list) + normal)
