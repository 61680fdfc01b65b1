"""``ringfence audit``: who used what and why, and whether the trail of it is whole."""

from __future__ import annotations

import json
import sys
from uuid import UUID

import click
import msgspec

from ringfence.entry.database import setup_django
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.database import database_urls
from ringfence.platform.settings import Settings, load_settings
from ringfence.platform.storage import open_store

audit_command = click.Group("audit", help="The trail of uses of personal values.")


def _tenant(_: click.Context, __: click.Parameter, text: str | None) -> UUID | None:
    try:
        return None if text is None else parse_public_id(Prefix.TENANT, text)
    except RingfenceError as error:
        raise click.BadParameter(error.message) from None


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _prepare() -> Settings:
    settings = load_settings()
    setup_django()
    return settings


@audit_command.command("verify")
@click.option("--tenant", callback=_tenant, help="Only this tenant's chain.")
@_as_json
def verify_command(tenant: UUID | None, as_json: bool) -> None:
    """Recompute every chain, and compare it with the exported heads. Exit status 1 when broken."""
    settings = _prepare()
    from ringfence.platform_django.audit.exported import read_exports
    from ringfence.platform_django.audit.retention import retention_start
    from ringfence.platform_django.audit.verify import verify

    heads, problems = read_exports(open_store(settings.heads_url, settings.storage), tenant)
    report = verify(
        database_urls(settings).operator,
        kept_from=retention_start(SystemClock().now(), settings.audit.retention_months),
        tenant=tenant,
        exported=heads,
    )
    report.problems[:0] = problems
    shown = [
        {
            "code": problem.code,
            "tenant": public_id(Prefix.TENANT, problem.tenant),
            "batch": problem.seq,
            "detail": problem.detail,
        }
        for problem in report.problems
    ]
    if as_json:
        counts = msgspec.to_builtins(report) | {"problems": shown}
        click.echo(json.dumps({"ok": report.ok} | counts, indent=2))
    else:
        click.echo(
            f"{report.records} records in {report.batches} batches of {report.tenants} chains, "
            f"{report.expired} batches expired, {report.heads} exported heads compared: "
            + ("whole" if report.ok else f"{len(shown)} problems")
        )
        for item in shown:
            click.echo(f"{item['code']}: {item['tenant']} batch {item['batch']}: {item['detail']}")
    if not report.ok:
        sys.exit(1)


@audit_command.command("heads")
@_as_json
def heads_command(as_json: bool) -> None:
    """Print where each tenant's chain ends now."""
    _prepare()
    from ringfence.platform_django.audit.queries import current_heads

    heads = [
        {
            "tenant": public_id(Prefix.TENANT, item.tenant_id),
            "seq": item.seq,
            "head": item.head.hex(),
            "last_at": item.last_at.isoformat(),
        }
        for item in current_heads()
    ]
    if as_json:
        click.echo(json.dumps(heads, indent=2))
        return
    for head in heads:
        click.echo(f"{head['tenant']} {head['seq']} {head['head']} {head['last_at']}")


@audit_command.command("list")
@click.option("--tenant", callback=_tenant, required=True)
@click.option("--object", "object_id", help="Only uses of this call, recording …")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@_as_json
def list_command(tenant: UUID, object_id: str | None, limit: int, as_json: bool) -> None:
    """Who used the values of a tenant, when, for what; newest first."""
    _prepare()
    from ringfence.platform_django.audit.queries import list_uses_as_operator

    uses = list_uses_as_operator(tenant, object_id=object_id, limit=limit).uses
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(uses), indent=2).decode())
        return
    for use in uses:
        moment = use.at.isoformat(timespec="milliseconds")
        objects = ",".join(use.objects[:3]) + (",…" if len(use.objects) > 3 else "")
        click.echo(
            f"{moment} {use.credential} {use.actor} {use.action} {use.purpose or '-'} "
            f"{use.outcome} {objects}"
        )
