"""The operator names a plan."""

from __future__ import annotations

import re

from ringfence.domains.accounts.contracts import InvalidName, PlanExists, PlanInfo
from ringfence.domains.accounts.models import Plan
from ringfence.domains.accounts.usecases.create_tenant import STANDARD, checked_name
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")


def create_plan(code: str, name: str) -> PlanInfo:
    """Raises InvalidName, PlanExists."""
    name = checked_name(name)
    if not _CODE.fullmatch(code):
        raise InvalidName("a plan's code has lower-case letters, digits and hyphens")
    with across_tenants("create plan") as db:
        row, made = Plan.objects.using(db).get_or_create(
            code=code, defaults={"name": name, "created_at": clock().now()}
        )
    if not made or code == STANDARD:
        raise PlanExists("there is a plan with this code")
    return PlanInfo(row.code, row.name, row.created_at)
