"""``ringfence api`` for what a tenant has: numbers, targets, trunks, devices, webhooks, money."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import click
import msgspec

from ringfence.client import Client
from ringfence.entry.api.calls import moment
from ringfence.entry.api.connection import Commands, api_command
from ringfence.entry.api.output import Output, limit_option

Found = Iterable[msgspec.Struct]


def _group(
    name: str,
    columns: tuple[str, ...],
    find: Callable[[Client, int], Found],
    get: Callable[[Client, str], msgspec.Struct],
) -> click.Group:
    """A group with ``list`` and ``get``."""
    group = Commands(name, help=f"The {name} of the tenant.")
    api_command.add_command(group)

    @group.command("list", help=f"All {name}, newest first.")
    @limit_option
    @click.pass_obj
    def _(output: Output, limit: int) -> None:
        output.table(find(output.client, min(limit, 200)), columns, limit)

    @group.command("get", help="One of them.")
    @click.argument("id")
    @click.pass_obj
    def _(output: Output, id: str) -> None:
        output.one(get(output.client, id))

    return group


_group(
    "numbers",
    ("id", "e164", "label", "flow", "status"),
    lambda client, limit: client.numbers.iter(limit=limit),
    lambda client, one: client.numbers.get(one),
)
_group(
    "targets",
    ("id", "name", "kind", "number", "sip", "device", "enabled"),
    lambda client, limit: client.targets.iter(limit=limit),
    lambda client, one: client.targets.get(one),
)
_group(
    "trunks",
    ("id", "name", "sources", "peer_host", "peer_port"),
    lambda client, _: client.trunks.list().trunks,
    lambda client, one: client.trunks.get(one),
)
_group(
    "devices",
    ("id", "name", "username", "enabled"),
    lambda client, limit: client.devices.iter(limit=limit),
    lambda client, one: client.devices.get(one),
)
webhooks_command = _group(
    "webhooks",
    ("id", "url", "events", "enabled", "disabled_reason"),
    lambda client, _: client.webhooks.list().webhooks,
    lambda client, one: client.webhooks.get(one),
)
_group(
    "rates",
    ("id", "name", "kind", "direction", "currency", "effective_from", "rates"),
    lambda client, _: client.rates.list_decks().decks,
    lambda client, one: client.rates.get_deck(one),
)
ledger_command = Commands("ledger", help="The books of the tenant.")
api_command.add_command(ledger_command)


@webhooks_command.command("create")
@click.argument("url")
@click.option("--event", "events", multiple=True, required=True, help="Type; repeatable. * is all.")
@click.option("--description", default="")
@click.pass_obj
def create_webhook(output: Output, url: str, events: tuple[str, ...], description: str) -> None:
    """Tell URL of events. The secret that signs the messages is shown only now."""
    output.one(output.client.webhooks.create(url=url, events=events, description=description))


@webhooks_command.command("deliveries")
@click.argument("webhook")
@click.option("--state", type=click.Choice(["pending", "delivered", "dead"]))
@limit_option
@click.pass_obj
def deliveries(
    output: Output,
    webhook: str,
    state: Literal["pending", "delivered", "dead"] | None,
    limit: int,
) -> None:
    """Messages to a webhook, newest first."""
    found = output.client.webhooks.iter_deliveries(webhook, state=state, limit=min(limit, 200))
    columns = ("id", "type", "state", "attempts", "last_status", "last_error", "created_at")
    output.table(found, columns, limit)


@webhooks_command.command("replay")
@click.argument("id")
@click.option("--since", callback=moment, help="For a webhook: what died from this moment on.")
@click.pass_obj
def replay(output: Output, id: str, since: Any) -> None:
    """Send again: one message (WD…), or the dead ones of a webhook (WH…)."""
    webhooks = output.client.webhooks
    if id.startswith("WD"):
        output.one(webhooks.replay_delivery(id))
    elif since is None:
        raise click.UsageError("a webhook needs --since")
    else:
        output.one(webhooks.replay(id, since=since))


@api_command.command("wallet")
@click.pass_obj
def wallet(output: Output) -> None:
    """Balances and limits, in millionths of the currency."""
    wallets = output.client.wallet.get().wallets
    columns = ("currency", "balance_micros", "credit_limit_micros", "low_balance_micros")
    output.table(wallets, columns, len(wallets))


@ledger_command.command("entries")
@click.option("--call", help="Those of one call.")
@click.option("--kind", type=click.Choice(["top_up", "charge", "cost", "adjustment", "carried"]))
@limit_option
@click.pass_obj
def entries(
    output: Output,
    call: str | None,
    kind: Literal["top_up", "charge", "cost", "adjustment", "carried"] | None,
    limit: int,
) -> None:
    """Entries of the ledger, newest first; each explains itself with --json."""
    found = output.client.ledger.iter_entries(call=call, kind=kind, limit=min(limit, 200))
    output.table(found, ("id", "occurred_at", "kind", "reference", "lines"), limit)
