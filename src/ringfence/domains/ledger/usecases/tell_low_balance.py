"""A tenant is told that a wallet fell below its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ringfence.domains.ledger.contracts import LowBalance
from ringfence.domains.webhooks.api import enqueue, enqueue_notices
from ringfence.domains.webhooks.contracts import Notice
from ringfence.kernel.ids import Prefix, public_id

TYPE = "wallet.low"


def tell_low_balance(events: Sequence[LowBalance]) -> None:
    """Part of the tenant's transaction that posted the entries."""
    for notice in map(_notice, events):
        enqueue(notice.tenant_id, notice.type, notice.data, key=notice.key)


def tell_low_balances(events: Sequence[LowBalance]) -> None:
    """Part of the operator's transaction that posted entries of many tenants."""
    enqueue_notices([_notice(event) for event in events])


def _notice(event: LowBalance) -> Notice:
    data: dict[str, str | int | bool | None] = {
        "currency": event.currency,
        "balance_micros": event.balance_micros,
        "threshold_micros": event.threshold_micros,
        "entry": event.entry_id.hex,
    }
    return Notice(event.tenant_id, TYPE, data, f"{TYPE}:{event.entry_id.hex}")


def message(tenant_id: UUID, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the tenant's endpoints are told."""
    entry = public_id(Prefix.LEDGER_ENTRY, UUID(hex=data["entry"]))
    return {**data, "tenant": public_id(Prefix.TENANT, tenant_id), "entry": entry}
