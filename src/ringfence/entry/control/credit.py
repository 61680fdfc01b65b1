"""The wallet's say in whether a call starts."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.ledger import api as ledger


def may_start(tenant: UUID) -> bool:
    """Whether one of the tenant's wallets lets a call start. A tenant that was given no wallet is
    not billed in advance: nothing holds its calls. Raises django.db.Error."""
    wallets = ledger.list_wallets(tenant)
    return not wallets or any(map(ledger.lets_calls_start, wallets))
