"""Commands by which an operator erases a person or ends a day, at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from ringfence.entry.database import setup_django
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

if TYPE_CHECKING:
    from ringfence.domains.privacy.contracts import ErasureInfo

_ACTOR = "cli"
_EPOCH = date(1970, 1, 1)


def _id(prefix: Prefix) -> Callable[[Any, Any, str | None], UUID | None]:
    def convert(context: Any, parameter: Any, text: str | None) -> UUID | None:
        if text == "installation" and prefix is Prefix.TENANT:
            return INSTALLATION
        try:
            return None if text is None else parse_public_id(prefix, text)
        except RingfenceError as error:
            raise click.BadParameter(error.message) from None

    return convert


_tenant = click.option(
    "--tenant",
    "tenant_id",
    callback=_id(Prefix.TENANT),
    required=True,
    help="A tenant's id, or `installation` for what belongs to none.",
)


@click.command("erase")
@_tenant
@click.option("--number", help="E.164: whom this number means now.")
@click.option("--earlier-tenures", is_flag=True, help="Also whom the number meant before.")
@click.option("--person", callback=_id(Prefix.PERSON), help="A person's id: PE and 32 hex digits.")
@click.option("--keep", multiple=True, help="Category of keys that the law excepts; repeatable.")
def erase_command(
    tenant_id: UUID,
    number: str | None,
    earlier_tenures: bool,
    person: UUID | None,
    keep: tuple[str, ...],
) -> None:
    """Erase a person: keys, then rows and objects. Prints what was done, as JSON."""
    if (number is None) == (person is None):
        raise click.UsageError("give either --number or --person")
    setup_django("cli")
    from ringfence.domains.privacy import api
    from ringfence.platform.keys.persons import Identifier

    if person is not None:
        _show([api.destroy_person(tenant_id, person, keep=keep, actor=_ACTOR)])
        return
    identifier = Identifier("e164", number or "")
    _show(
        api.erase_identifier(
            tenant_id, identifier, keep=keep, earlier_tenures=earlier_tenures, actor=_ACTOR
        )
    )


@click.command("expire")
@_tenant
@click.option("--category", required=True, help="identifier, content or recovery.")
@click.option("--rule", required=True, help="Name of the retention rule, such as call_records.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="A day in UTC.")
def expire_command(tenant_id: UUID, category: str, rule: str, day: datetime) -> None:
    """End one day of one kind of values, before or after its time. Prints it as JSON."""
    setup_django("cli")
    from ringfence.domains.privacy import api

    number = (day.date() - _EPOCH).days
    _show([api.expire(tenant_id, category, rule, number, actor=_ACTOR)])


def _show(done: list[ErasureInfo]) -> None:
    for info in done:
        shown = asdict(info) | {
            "id": public_id(Prefix.ERASURE, info.id),
            "tenant_id": public_id(Prefix.TENANT, info.tenant_id),
        }
        click.echo(json.dumps(shown, default=str))
