"""The operator notes that a business customer's contract says how its callers are authenticated."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.compliance.contracts import InvalidContract
from ringfence.domains.compliance.models import Account
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants


def set_contract(tenant_id: UUID, regime: str | None, reason: str, actor: str) -> None:
    """Put a contract's regime in force (64.2010(g)), or take it away (None).

    Raises TenantNotFound, InvalidContract.
    """
    regime, reason = (regime or "").strip(), reason.strip()
    if not 10 <= len(reason) <= 500 or (regime and not 10 <= len(regime) <= 500):
        raise InvalidContract("the regime and the reason have 10 to 500 characters each")
    get_any_tenant(tenant_id)
    with across_tenants("set cpni contract") as db:
        Account.objects.using(db).get_or_create(tenant_id=tenant_id)
        Account.objects.using(db).filter(tenant_id=tenant_id).update(
            contract_regime=regime,
            contract_reason=reason,
            contract_set_by=actor,
            contract_set_at=clock().now(),
        )
