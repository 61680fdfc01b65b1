"""Nobody signs in here who is younger than the policy says: everybody says so before anything of
them is stored.

It is no consent, which could be taken back, and of no data subject of a business customer: it lies
beside the account and goes with it.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db.models import Max

from ringfence.domains.identity.contracts import AgeNotAttested
from ringfence.domains.identity.models import AgeAttestation
from ringfence.domains.privacy.api import profile_of
from ringfence.platform_django.clock import clock, new_id

WORDING_VERSION = 1
_WORDING = "I am at least {age} years old."


def minimum_age(tenant_id: UUID | None) -> int:
    """In years: of the policy that binds a tenant, or (None) whoever comes now."""
    return profile_of(tenant_id).age.minimum


def wording(age: int) -> str:
    """What somebody says of themselves; another text is another version."""
    return _WORDING.format(age=age)


def attest_age(user_id: UUID, age: int) -> None:
    """Somebody says that they are of this age, by the wording of today."""
    AgeAttestation.objects.create(
        id=new_id(),
        user_id=user_id,
        age=age,
        wording_version=WORDING_VERSION,
        wording_hash=hashlib.sha256(wording(age).encode()).hexdigest(),
        attested_at=clock().now(),
    )


def lacks_age(user_id: UUID, tenant_id: UUID | None) -> bool:
    """Whether somebody has yet to say that they are as old as a tenant's people have to be."""
    said = AgeAttestation.objects.filter(user_id=user_id).aggregate(Max("age"))["age__max"]
    return (said or 0) < minimum_age(tenant_id)


def require_age(user_id: UUID, tenant_id: UUID | None) -> None:
    """Raises AgeNotAttested."""
    if lacks_age(user_id, tenant_id):
        age = minimum_age(tenant_id)
        raise AgeNotAttested("say that you are old enough", details={"minimum": age})
