"""The operator sets how far a wallet may go, and when it is low."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.ledger.books import open_accounts
from ringfence.domains.ledger.contracts import MAX_MICROS, AccountKind
from ringfence.domains.ledger.models import Account
from ringfence.domains.ledger.rules.posting import check_currency, refuse
from ringfence.platform_django.tenancy import APP, tenant


def set_wallet_limits(
    tenant_id: UUID, currency: str, *, credit_limit_micros: int, low_balance_micros: int | None
) -> None:
    """Set both limits of a wallet, which is made when missing. Raises InvalidEntry."""
    check_currency(currency)
    if not 0 <= credit_limit_micros <= MAX_MICROS:
        raise refuse("credit_limit_micros", f"lies between 0 and {MAX_MICROS}")
    if low_balance_micros is not None and abs(low_balance_micros) > MAX_MICROS:
        raise refuse("low_balance_micros", f"lies between -{MAX_MICROS} and {MAX_MICROS}")
    with tenant(tenant_id):
        name = (tenant_id, AccountKind.WALLET, currency)
        account = open_accounts(APP, {name})[name]
        Account.objects.filter(id=account).update(
            credit_limit_micros=credit_limit_micros, low_balance_micros=low_balance_micros
        )
