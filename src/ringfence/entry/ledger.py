"""``ringfence ledger``: the books of tenants."""

from __future__ import annotations

import json
from uuid import UUID

import click

from ringfence.entry.database import setup_django
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.settings import load_settings

ledger_command = click.Group("ledger", help="The books of tenants.")


def _tenant(_: click.Context, __: click.Parameter, text: str) -> UUID:
    try:
        return parse_public_id(Prefix.TENANT, text)
    except RingfenceError as error:
        raise click.BadParameter(error.message) from None


@ledger_command.command("balance")
@click.option("--tenant", callback=_tenant, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def balance_command(tenant: UUID, as_json: bool) -> None:
    """Balances of a tenant's accounts, in millionths of their currency."""
    load_settings()
    setup_django()
    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.ledger import api

    if not accounts.tenant_exists(tenant):
        raise click.ClickException("not_found: no such tenant")
    rows = [
        {"account": kind.value, "currency": money.currency, "balance_micros": money.micros}
        for kind, amounts in api.balances(tenant).items()
        for money in amounts
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['account']} {row['currency']} {row['balance_micros']}")
