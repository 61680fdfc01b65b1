"""Ledger, wallet and rates, for other domains and the entrances."""

from ringfence.domains.ledger.queries import (
    balance,
    balances,
    list_entries,
    list_wallets,
    may_start,
)
from ringfence.domains.ledger.rate_queries import rate_number
from ringfence.domains.ledger.usecases.charge import charge
from ringfence.domains.ledger.usecases.create_deck import create_deck
from ringfence.domains.ledger.usecases.post_entry import post_entry
from ringfence.domains.ledger.usecases.set_wallet_limits import set_wallet_limits
from ringfence.domains.ledger.usecases.top_up import top_up

__all__ = [
    "balance",
    "balances",
    "charge",
    "create_deck",
    "list_entries",
    "list_wallets",
    "may_start",
    "post_entry",
    "rate_number",
    "set_wallet_limits",
    "top_up",
]
