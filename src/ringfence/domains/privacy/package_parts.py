"""What domains add to a person's package beside the values of their rows: files of their own.

Privacy knows no domain; each that has files of persons registers a callback when its app is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from ringfence.domains.privacy.contracts import PackagePart

PackageParts = Callable[[UUID, UUID], Iterable[PackagePart]]
"""``(tenant, person)``: the files that are this person's alone, opened for the purpose in force.
What another person said, or what tells about them, is none of these."""

_parts: list[PackageParts] = []


def register_package_part(callback: PackageParts) -> None:
    """See PackageParts."""
    if callback not in _parts:
        _parts.append(callback)


def parts_of_person(tenant: UUID, person: UUID) -> Iterator[PackagePart]:
    """Of all domains."""
    for callback in _parts:
        yield from callback(tenant, person)
