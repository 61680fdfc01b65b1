"""Ledger, wallet and rates, for other domains and the entrances."""

from ringfence.domains.ledger.queries import (
    balance,
    balances,
    lets_calls_start,
    list_entries,
    list_wallets,
    may_start,
)
from ringfence.domains.ledger.rate_queries import (
    get_deck,
    list_decks,
    list_rates,
    quote,
    rate_number,
)
from ringfence.domains.ledger.unrated_queries import list_unrated
from ringfence.domains.ledger.usecases.charge import charge
from ringfence.domains.ledger.usecases.check_books import check_books
from ringfence.domains.ledger.usecases.checkpoint import checkpoint
from ringfence.domains.ledger.usecases.create_deck import create_deck
from ringfence.domains.ledger.usecases.post_entry import post_entry
from ringfence.domains.ledger.usecases.rate_calls import rate_calls, rate_next
from ringfence.domains.ledger.usecases.retry_unrated import retry_all, retry_unrated, write_off
from ringfence.domains.ledger.usecases.set_wallet_limits import set_wallet_limits
from ringfence.domains.ledger.usecases.top_up import top_up

__all__ = [
    "balance",
    "balances",
    "charge",
    "check_books",
    "checkpoint",
    "create_deck",
    "get_deck",
    "lets_calls_start",
    "list_decks",
    "list_entries",
    "list_rates",
    "list_unrated",
    "list_wallets",
    "may_start",
    "post_entry",
    "quote",
    "rate_calls",
    "rate_next",
    "rate_number",
    "retry_all",
    "retry_unrated",
    "set_wallet_limits",
    "top_up",
    "write_off",
]
