"""A business customer accepts a version that is worse for it than the one that binds it."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.policy.contracts import BindingInfo, NothingToAccept, VersionNotFound
from ringfence.domains.policy.models import Acceptance
from ringfence.domains.policy.queries import binding_of, list_versions
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant


def accept_version(tenant_id: UUID, number: int, *, actor: str) -> BindingInfo:
    """Accept a version, those before it included; it binds as soon as it is in force.

    Raises VersionNotFound, NothingToAccept for one that is not newer than what binds.
    """
    version = next((one for one in list_versions() if one.number == number), None)
    if version is None:
        raise VersionNotFound("no such version was published")
    bound = binding_of(tenant_id).bound
    if bound is not None and number <= bound.number:
        raise NothingToAccept("this version binds already, or a newer one does")
    with tenant(tenant_id):
        Acceptance.objects.using(APP).get_or_create(
            tenant_id=tenant_id,
            number=number,
            defaults={
                "digest": version.digest,
                "accepted_at": clock().now(),
                "actor": actor,
            },
        )
    return binding_of(tenant_id)
