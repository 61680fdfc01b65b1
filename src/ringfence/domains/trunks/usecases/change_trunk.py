"""A tenant changes a trunk of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any
from uuid import UUID

from ringfence.domains.trunks.contracts import InvalidTrunk, NewTrunk, TrunkInfo, TrunkNotFound
from ringfence.domains.trunks.models import Trunk
from ringfence.domains.trunks.queries import get_trunk
from ringfence.domains.trunks.rules.validation import validate
from ringfence.domains.trunks.usecases import write
from ringfence.platform_django.tenancy import tenant

_KEPT = "kept"
"""Stands for a password that nobody knows any more, where rules ask whether there is one."""


def change_trunk(tenant_id: UUID, trunk_id: UUID, changes: Mapping[str, Any]) -> TrunkInfo:
    """Change the named fields of NewTrunk but ``sources``, which are the operator's to name;
    ``format`` names those of NumberFormat. A password that is not named stays, as long as its user
    name does.

    The call plane learns of it within 2 s. Raises TrunkNotFound, InvalidTrunk,
    TrunkUsernameConflict; Unavailable while `keys` is away.
    """
    with write.conflicts_told(), tenant(tenant_id):
        row = Trunk.objects.select_for_update().filter(id=trunk_id).first()
        if row is None:
            raise TrunkNotFound("no such trunk")
        new = _changed(get_trunk(tenant_id, trunk_id), row, changes)
        validate(new)
        write.fill(row, new)
        _change_secrets(row, new, changes)
        row.save()
        return get_trunk(tenant_id, trunk_id)


def _changed(current: TrunkInfo, row: Trunk, changes: Mapping[str, Any]) -> NewTrunk:
    known = {field.name for field in fields(NewTrunk)} - {"tenant_id", "password", "auth_password"}
    stands = {name: value for name, value in asdict(current).items() if name in known}
    stands["format"] = replace(current.format, **changes.get("format", {}))
    named = {name: value for name, value in changes.items() if name != "format"}
    for user, password, sealed in (
        ("username", "password", row.ha1_md5_sealed),
        ("auth_username", "auth_password", row.auth_password_sealed),
    ):
        if named.get(user, stands[user]) is None:
            continue
        if password not in named:
            if named.get(user, stands[user]) != stands[user]:
                raise InvalidTrunk(
                    f"{password}: another {user} needs a password", details={"field": password}
                )
            named[password] = _KEPT if sealed is not None else None
    return NewTrunk(tenant_id=row.tenant_id, **(stands | named))


def _change_secrets(row: Trunk, new: NewTrunk, changes: Mapping[str, Any]) -> None:
    if new.username is None:
        row.ha1_md5_sealed = row.ha1_sha256_sealed = None
    elif changes.get("password") is not None:
        write.seal_password(row, changes["password"])
    if new.auth_username is None:
        row.auth_password_sealed = None
    elif changes.get("auth_password") is not None:
        write.seal_auth_password(row, changes["auth_password"])
