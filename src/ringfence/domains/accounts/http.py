"""REST API of accounts."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from ringfence.domains.accounts import api
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["tenant"])


class TenantOut(Schema):
    """The tenant that the API key belongs to."""

    id: str
    name: str
    status: str
    created_at: datetime


@router.get("/tenant", response=responses(TenantOut), operation_id="get_tenant")
@requires("tenant:read")
def get_tenant(request: HttpRequest) -> TenantOut:
    """The caller's own tenant."""
    info = api.get_tenant(caller_of(request).tenant_id)
    return TenantOut(
        id=public_id(Prefix.TENANT, info.id),
        name=info.name,
        status=info.status,
        created_at=info.created_at,
    )
