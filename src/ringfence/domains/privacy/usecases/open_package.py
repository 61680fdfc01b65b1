"""A package is fetched: opened in pieces, as long as its key lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from ringfence.domains.privacy.contracts import (
    NoPackage,
    PackageGone,
    PackageNotReady,
    RightsRequestNotFound,
)
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.package_items import object_key, object_store, place
from ringfence.domains.privacy.rights_vocabulary import RightsKind, RightsState
from ringfence.domains.privacy.rules.rights import is_copy
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.client import given
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.names import LeafRef
from ringfence.platform.keys.objects import Leaf, open_object
from ringfence.platform.storage import ObjectNotFound
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import APP, tenant
from ringfence.platform_django.use import current_use


@dataclass(frozen=True, slots=True)
class Package:
    """A ZIP; ``length`` in bytes."""

    length: int
    body: Iterator[bytes]


def open_package(tenant_id: UUID, request_id: UUID) -> Package:
    """Everything that can be refused is refused before this returns: the first chunk is open.

    Raises RightsRequestNotFound, NoPackage, PackageNotReady, PackageGone, PurposeRequired, Refused,
    Unavailable.
    """
    use = current_use()
    with tenant(tenant_id):
        row = RightsRequest.objects.using(APP).filter(id=request_id, tenant_id=tenant_id).first()
    if row is None:
        raise RightsRequestNotFound("no such request")
    if not is_copy(RightsKind(row.kind)):
        raise NoPackage("a request of this kind has no package")
    if row.state != RightsState.DONE:
        raise PackageNotReady("the package is not made yet")
    if row.package_bytes is None or row.package_day is None:
        raise PackageGone("the package was destroyed")
    where = place(row, row.package_day)
    assert where.bucket is not None
    ref = LeafRef(where.bucket, items=(row.package_id,))
    named = [public_id(Prefix.RIGHTS_REQUEST, row.id)]

    def ask() -> bytes:
        leaves = keys().leaves(tenant_id, use.purpose, [ref], actor=use.actor, objects=named)
        return given(leaves[ref])

    def checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
        """A slow reader gets no more than a lease permits, and nothing that was destroyed."""
        for chunk in chunks:
            if not keys().has(tenant_id, use.purpose, [ref]):
                ask()
            yield chunk

    try:
        leaf = ask()
        pieces = object_store().read(object_key(tenant_id, row.package_id))
    except (KeyDestroyed, ObjectNotFound):
        raise PackageGone("the package was destroyed") from None
    chunks = open_object(pieces, Leaf(leaf, where))
    return Package(row.package_bytes, chain([next(chunks)], checked(chunks)))
