"""A tenant settles who of the operator may come in, and how its own people sign in."""

from __future__ import annotations

import zoneinfo
from typing import Any
from uuid import UUID

from ringfence.domains.accounts.contracts import InvalidSettings, TenantSettings
from ringfence.domains.accounts.models import Settings
from ringfence.domains.accounts.queries import settings_info
from ringfence.platform_django.tenancy import tenant

_STAFF_ACCESS = ("automatic", "approve", "never")


def change_settings(
    tenant_id: UUID,
    *,
    time_zone: str | None = None,
    staff_access: str | None = None,
    us_staff_only: bool | None = None,
    mfa_required: bool | None = None,
) -> TenantSettings:
    """Change what is given, from the next request on. Raises InvalidSettings."""
    if time_zone is not None and time_zone not in zoneinfo.available_timezones():
        raise InvalidSettings("time_zone is an IANA name such as America/Chicago")
    if staff_access is not None and staff_access not in _STAFF_ACCESS:
        raise InvalidSettings(f"staff_access is one of {', '.join(_STAFF_ACCESS)}")
    given: dict[str, Any] = {
        "time_zone": time_zone,
        "staff_access": staff_access,
        "us_staff_only": us_staff_only,
        "mfa_required": mfa_required,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with tenant(tenant_id):
        row, _ = Settings.objects.update_or_create(tenant_id=tenant_id, defaults=changes)
    return settings_info(row)
