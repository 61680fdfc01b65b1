"""What somebody says of themselves, sealed under a key of their own."""

from __future__ import annotations

from ringfence.domains.identity.models import User
from ringfence.kernel.fields import CONSOLE_USERS, IDENTIFIER, INSTALLATION
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import seal_field

MAX_NAME = 120


def name_user(user: User, name: str) -> None:
    """Say how somebody is called; an empty name removes it."""
    name = name.strip()[:MAX_NAME]
    _make_person(user)
    user.name_sealed = seal_field(user, "name_sealed", name) if name else None
    user.save(update_fields=["person_id", "name_sealed"])


def remember_company(user: User, company: str) -> None:
    """The company that the person wants an account for, until their address is verified."""
    _make_person(user)
    user.company_sealed = seal_field(user, "company_sealed", company.strip()[:MAX_NAME])
    user.save(update_fields=["person_id", "company_sealed"])


def _make_person(user: User) -> None:
    bucket = Bucket(IDENTIFIER, CONSOLE_USERS, account=user.id)
    (person,) = keys().resolve(INSTALLATION, [Identifier("user", user.id.hex)], seal=(bucket,))
    user.person_id = person.person
