"""At the end of a tenant its people lose more than their membership: who works for nobody else is
forgotten."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from ringfence.domains.identity.models import Membership, User
from ringfence.domains.privacy.api import register_file_removal
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import IDENTITY, OPERATOR

_ACTOR = "job:closure"


def register() -> None:
    """Called when the app is ready."""
    register_file_removal(forget_people)


def forget_people(tenant: UUID, held: Collection[UUID]) -> None:
    """Members of this tenant alone: their names' keys die, then the row with their e-mail goes,
    with all that they sign in with. No legal hold covers them. Raises Unavailable."""
    members = Membership.objects.using(OPERATOR)
    here = set(members.filter(tenant_id=tenant).values_list("user_id", flat=True))
    elsewhere = members.filter(user_id__in=here).exclude(tenant_id=tenant)
    elsewhere |= members.filter(user_id__in=here, tenant_id=None)
    alone = here - set(elsewhere.values_list("user_id", flat=True))
    with transaction.atomic(using=IDENTITY):
        users = User.objects.using(IDENTITY).filter(id__in=alone)
        named = users.values_list("person_id", flat=True)
        persons = sorted(person for person in named if person is not None)
    if persons:
        dying = Destruction(persons=tuple(ErasePerson(person) for person in persons))
        keys().destroy(INSTALLATION, dying, actor=_ACTOR)
    with transaction.atomic(using=IDENTITY):
        User.objects.using(IDENTITY).filter(id__in=alone).delete()
