"""``ringfence ledger``: the books of tenants."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from ringfence.entry.database import setup_django
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.settings import load_settings

if TYPE_CHECKING:
    from ringfence.domains.ledger.contracts import UnratedInfo

ledger_command = click.Group("ledger", help="The books of tenants.")
unrated_command = click.Group("unrated", help="Usage that could not be rated: the error queue.")
ledger_command.add_command(unrated_command)


def _id(prefix: Prefix) -> Callable[[click.Context, click.Parameter, str | None], UUID | None]:
    def convert(_: click.Context, __: click.Parameter, text: str | None) -> UUID | None:
        try:
            return None if text is None else parse_public_id(prefix, text)
        except RingfenceError as error:
            raise click.BadParameter(error.message) from None

    return convert


_tenant = click.option("--tenant", callback=_id(Prefix.TENANT), required=True)
_item = click.argument("item", callback=_id(Prefix.UNRATED))
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _set_up(tenant: UUID | None, credential: str | None = None) -> None:
    load_settings()
    setup_django(credential)
    from ringfence.domains.accounts import api as accounts

    if tenant is not None and not accounts.tenant_exists(tenant):
        raise click.ClickException("not_found: no such tenant")


@ledger_command.command("balance")
@_tenant
@_json
def balance_command(tenant: UUID, as_json: bool) -> None:
    """Balances of a tenant's accounts, in millionths of their currency."""
    _set_up(tenant)
    from ringfence.domains.ledger import api

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


@ledger_command.command("check")
@click.option("--tenant", callback=_id(Prefix.TENANT), help="Only this tenant's calls.")
@_json
def check_command(tenant: UUID | None, as_json: bool) -> None:
    """Compare call records with the books: every leg is rated or in the error queue, once, and its
    amount is what its rate makes of it. Exit status 1 when anything differs."""
    _set_up(tenant)
    from ringfence.domains.ledger import api

    report = api.check_books(tenant)
    differences = [
        {
            "tenant": public_id(Prefix.TENANT, item.tenant_id),
            "call": public_id(Prefix.CALL, item.call_id),
            "leg": public_id(Prefix.LEG, item.leg_id),
            "kind": item.kind.value,
            "problem": item.problem,
        }
        for item in report.differences
    ]
    shown: dict[str, Any] = {**asdict(report), "differences": differences}
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    else:
        for row in differences:
            click.echo(" ".join(row.values()))
        click.echo(
            f"{report.calls_legs} legs: {report.rated} ratings, {report.unrated} in the queue, "
            f"{report.written_off} written off, {report.waiting} waiting; "
            f"{len(differences)} differences, {report.wrong_checkpoints} wrong checkpoints"
        )
    if differences or report.wrong_checkpoints:
        sys.exit(1)


@unrated_command.command("list")
@_tenant
@click.option("--state", type=click.Choice(["open", "rated", "written_off"]), default="open")
@_json
def list_command(tenant: UUID, state: str, as_json: bool) -> None:
    """What stands in a tenant's error queue, oldest first."""
    _set_up(tenant)
    from ringfence.domains.ledger import api
    from ringfence.domains.ledger.contracts import UnratedState

    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.list_unrated(tenant, UnratedState(state), after=cursor, limit=200)
        rows += map(_shown, page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(" ".join(str(row[name]) for name in ("id", "call", "kind", "reason", "state")))


@unrated_command.command("retry")
@_tenant
@click.argument("item", callback=_id(Prefix.UNRATED), required=False)
def retry_command(tenant: UUID, item: UUID | None) -> None:
    """Rate one item again by the price lists of now, or all of a tenant. Prints JSON."""
    _set_up(tenant, "cli")
    from ringfence.domains.ledger import api
    from ringfence.platform_django.use import using

    with using("billing", "cli"):
        if item is not None:
            click.echo(json.dumps(_shown(api.retry_unrated(tenant, item)), indent=2))
            return
        settled = api.retry_all(tenant)
    click.echo(json.dumps({"rated": settled.posted, "unrated": settled.unrated}, indent=2))


@unrated_command.command("write-off")
@_tenant
@_item
@click.option("--reason", required=True, help="Why; without personal values.")
def write_off_command(tenant: UUID, item: UUID, reason: str) -> None:
    """Give an item up: it is never charged. Prints JSON."""
    _set_up(tenant)
    from ringfence.domains.ledger import api

    click.echo(json.dumps(_shown(api.write_off(tenant, item, reason)), indent=2))


def _shown(info: UnratedInfo) -> dict[str, Any]:
    return {
        "id": public_id(Prefix.UNRATED, info.id),
        "call": public_id(Prefix.CALL, info.call_id),
        "leg": public_id(Prefix.LEG, info.leg_id),
        "kind": info.kind.value,
        "direction": info.direction.value,
        "reason": info.reason,
        "attempts": info.attempts,
        "first_seen_at": info.first_seen_at.isoformat(),
        "last_seen_at": info.last_seen_at.isoformat(),
        "state": info.state.value,
        "note": info.note,
    }
