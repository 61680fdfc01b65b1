"""Commands by which an operator switches the recording of a tenant's calls on and off."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from uuid import UUID

import click

from ringfence.entry.database import setup_django
from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.ids import Prefix, parse_public_id


class _Tenant(click.ParamType[UUID]):
    name = "tenant"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> UUID:
        try:
            return parse_public_id(Prefix.TENANT, value)
        except InvalidInput as error:
            self.fail(error.message, param, ctx)


_tenant = click.option("--tenant", "tenant_id", type=_Tenant(), required=True)


@click.group("recording")
def recording_command() -> None:
    """Recording of calls."""


@recording_command.command("enable")
@_tenant
@click.option(
    "--customer-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="RSA public key (PEM) that alone opens recordings for good.",
)
def enable(tenant_id: UUID, customer_key: Path | None) -> None:
    """Record the tenant's calls from now on; a customer key stays unless another is given."""
    _change(tenant_id, enabled=True, key=customer_key)


@recording_command.command("disable")
@_tenant
def disable(tenant_id: UUID) -> None:
    """Record no further call; what was recorded stays."""
    _change(tenant_id, enabled=False, key=None)


def _change(tenant_id: UUID, *, enabled: bool, key: Path | None) -> None:
    setup_django()
    from ringfence.domains.accounts.api import tenant_exists
    from ringfence.domains.recordings import api

    if not tenant_exists(tenant_id):
        raise InvalidInput("no such tenant")
    settings = replace(api.get_settings(tenant_id), enabled=enabled)
    if key is not None:
        settings = replace(settings, customer_key=key.read_text("ascii", errors="replace"))
    changed = api.change_settings(tenant_id, settings)
    told = asdict(changed) | asdict(api.in_force(tenant_id, changed))
    click.echo(json.dumps(told, indent=2))
