"""Which profile binds a tenant. Privacy knows no published policies: whoever publishes them
registers this when its app is ready."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from ringfence.policies.profiles import Profile
from ringfence.policies.profiles.loading import load_profile

Bound = Callable[[UUID | None], Profile | None]
"""The profile that binds a tenant, or (None) who comes now; no profile: nothing was published, or
it is not known any more."""
_sources: list[Bound] = []


def register_profile(callback: Bound) -> None:
    """See Bound. There is one source; a later one takes its place."""
    _sources[:] = [callback]


def profile_of(tenant_id: UUID | None) -> Profile:
    """The profile that binds a tenant, or (None) who comes now, else the strictest."""
    found = _sources[0](tenant_id) if _sources else None
    return load_profile() if found is None else found
