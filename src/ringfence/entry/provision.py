"""Commands by which an operator provisions tenants, keys, trunks, numbers and devices."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from ringfence.entry.database import setup_django
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.settings import load_settings

_PREFIX_OF = {
    "tenant_id": Prefix.TENANT,
    "trunk_id": Prefix.TRUNK,
    "flow_id": Prefix.FLOW,
}


def id_of(prefix: Prefix) -> Callable[[str], UUID]:
    """Converts a public id of one type on the command line."""

    def convert(text: str) -> UUID:
        try:
            return parse_public_id(prefix, text)
        except RingfenceError as error:
            raise click.BadParameter(error.message) from None

    convert.__name__ = f"{prefix.value}id"
    return convert


def _moment(text: str) -> datetime:
    """Converts an ISO 8601 moment on the command line; without offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("is like 2026-12-31T00:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def plain(value: Any, prefix: Prefix | None = None, key: str = "") -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value), prefix)
    if isinstance(value, dict):
        return {name: plain(item, prefix, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        known = _PREFIX_OF.get(key, prefix)
        return public_id(known, value) if known else value.hex
    return value


def show(value: Any, prefix: Prefix, as_json: bool) -> None:
    """Print one object, or a list of them, as JSON or as ``key: value`` lines."""
    shown = (
        plain(value, prefix)
        if not isinstance(value, tuple)
        else [plain(item, prefix) for item in value]
    )
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    for index, item in enumerate(shown if isinstance(shown, list) else [shown]):
        if index:
            click.echo()
        for name, field in item.items():
            if field not in (None, "", [], ()):
                text = field if isinstance(field, str) else json.dumps(field)
                click.echo(f"{name}: {text}")


def command(group: click.Group, name: str, help_text: str) -> Callable[..., Any]:
    """A command with ``--json`` that reports business errors as the command line does."""

    def decorate(function: Callable[..., None]) -> click.Command:
        def run(**kwargs: Any) -> None:
            load_settings()
            setup_django("cli")
            try:
                function(**kwargs)
            except Unavailable as error:
                raise click.ClickException(
                    f"{error.code}: {error.message}. Is the installation running (ringfence serve)?"
                ) from None
            except RingfenceError as error:
                raise click.ClickException(f"{error.code}: {error.message}") from None

        run.__name__ = function.__name__
        run.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
        return group.command(name, help=help_text)(option(run))

    return decorate


tenant = click.Group("tenant", help="Tenants: the business customers.")
key = click.Group("key", help="API keys of tenants.")
trunk = click.Group("trunk", help="Trunks: connections to carriers and PBXs.")
number = click.Group("number", help="Telephone numbers and where their calls go.")
device = click.Group("device", help="Devices: desk phones and softphones that register.")
groups = (tenant, key, trunk, number, device)


@command(tenant, "create", "Make a tenant and its first API key, which is shown only now.")
@click.argument("name")
def create_tenant(name: str, as_json: bool) -> None:
    from ringfence.domains.accounts import api

    made = api.create_tenant(name)
    secret = api.create_api_key(made.id).secret
    show(plain(made, Prefix.TENANT) | {"api_key": secret}, Prefix.TENANT, as_json)


@command(tenant, "list", "All tenants.")
def list_tenants(as_json: bool) -> None:
    from ringfence.domains.accounts import api

    show(api.list_tenants(), Prefix.TENANT, as_json)


@command(key, "create", "Make an API key, which is shown only now.")
@click.option("--tenant", "tenant_id", type=id_of(Prefix.TENANT), help="Whose it is.")
@click.option("--operator", is_flag=True, help="The operator's own: manages tenants.")
@click.option("--name", default="default", show_default=True)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What the key may do; repeatable. Default of a tenant's: all but keys:write, "
    "numbers:write, privacy:erase, recordings:write, tenants:read, tenants:write and "
    "trunks:write, which must be named; a key with any scope named has only those. Default of the "
    "operator's: plans, tenants, and tenants:provision.",
)
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    help="What personal data may be opened for with it; repeatable, the usual one first. "
    "Default: service. The operator's open none.",
)
@click.option("--expires", "expires_at", type=_moment, help="When it ends, in ISO 8601.")
@click.option(
    "--network",
    "networks",
    multiple=True,
    help="Where it may be used from, like 192.0.2.0/24; repeatable. Default: anywhere.",
)
@click.option("--requests-per-minute", "per_minute", type=click.IntRange(1))
def create_key(
    tenant_id: UUID | None,
    operator: bool,
    name: str,
    scopes: tuple[str, ...],
    purposes: tuple[str, ...],
    expires_at: datetime | None,
    networks: tuple[str, ...],
    per_minute: int | None,
    as_json: bool,
) -> None:
    from ringfence.domains.accounts import api
    from ringfence.domains.accounts.contracts import DEFAULT_SCOPES, OPERATOR_SCOPES

    if operator == (tenant_id is not None):
        raise click.UsageError("give either --tenant or --operator")
    if tenant_id is None:
        if purposes:
            raise click.UsageError("a key of the operator opens no personal data")
        made = api.create_operator_key(
            name, scopes or OPERATOR_SCOPES, expires_at, networks, per_minute
        )
    else:
        made = api.create_api_key(
            tenant_id,
            name,
            scopes or DEFAULT_SCOPES,
            purposes or ("service",),
            expires_at,
            networks,
            per_minute,
        )
    show(plain(made.info, Prefix.API_KEY) | {"api_key": made.secret}, Prefix.API_KEY, as_json)


@command(key, "list", "A tenant's API keys, or the operator's, without their secrets.")
@click.option("--tenant", "tenant_id", type=id_of(Prefix.TENANT), help="Whose they are.")
@click.option("--operator", is_flag=True, help="The operator's own.")
def list_keys(tenant_id: UUID | None, operator: bool, as_json: bool) -> None:
    from ringfence.domains.accounts import api

    if operator == (tenant_id is not None):
        raise click.UsageError("give either --tenant or --operator")
    found = api.list_operator_keys() if tenant_id is None else api.list_api_keys(tenant_id)
    show(found, Prefix.API_KEY, as_json)


def _peer(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    transport, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter("is like udp:host:5060", param_hint="--peer")
    return {"peer_transport": transport, "peer_host": host.strip("[]"), "peer_port": int(port)}


@command(trunk, "create", "Connect a carrier or a PBX; of a tenant, or of the operator.")
@click.argument("name")
@click.option("--tenant", "tenant_id", type=id_of(Prefix.TENANT), help="Owner.")
@click.option("--operator", is_flag=True, help="Owned by the operator; serves all tenants.")
@click.option("--source", "sources", multiple=True, help="Network its requests come from.")
@click.option("--username", help="User name it authenticates with towards us.")
@click.option("--password", help="Its password.")
@click.option("--peer", help="Where calls to it go, like udp:host:5060.")
@click.option("--auth-username", help="User name we authenticate with towards it.")
@click.option("--auth-password", help="Our password.")
@click.option("--country-code", default="1", show_default=True)
@click.option("--national-prefix", default="1", show_default=True)
@click.option("--international-prefix", default="011", show_default=True)
@click.option("--strip-prefix", default="", help="Cut off numbers that it sends.")
@click.option("--style", default="e164", type=click.Choice(["e164", "no_plus", "national"]))
@click.option("--add-prefix", default="", help="Put before numbers that we send.")
@click.option("--max-calls-per-second", type=int)
@click.option("--max-channels", type=int)
def create_trunk(
    name: str,
    tenant_id: UUID | None,
    operator: bool,
    peer: str | None,
    as_json: bool,
    country_code: str,
    national_prefix: str,
    international_prefix: str,
    strip_prefix: str,
    style: str,
    add_prefix: str,
    **rest: Any,
) -> None:
    from ringfence.domains.trunks import api
    from ringfence.domains.trunks.contracts import NewTrunk, NumberFormat

    if operator == (tenant_id is not None):
        raise click.UsageError("give either --tenant or --operator")
    written = NumberFormat(
        country_code=country_code,
        national_prefix=national_prefix,
        international_prefix=international_prefix,
        strip_prefix=strip_prefix,
        style=style,
        add_prefix=add_prefix,
    )
    new = NewTrunk(name=name, tenant_id=tenant_id, format=written, **_peer(peer), **rest)
    show(api.create_trunk(new), Prefix.TRUNK, as_json)


@command(trunk, "list", "All trunks.")
def list_trunks(as_json: bool) -> None:
    from ringfence.domains.trunks import api

    show(api.list_all_trunks(), Prefix.TRUNK, as_json)


def _target(text: str) -> Any:
    from ringfence.domains.numbers.contracts import SipDial, TrunkDial

    if text.startswith(("sip:", "sips:")):
        return SipDial(text)
    kind, _, rest = text.partition(":")
    trunk_id, _, dialled = rest.partition(":")
    if kind != "trunk" or not dialled:
        raise click.BadParameter(
            "is like trunk:TK…:+15551234567 or sip:user@host", param_hint="--dial"
        )
    return TrunkDial(parse_public_id(Prefix.TRUNK, trunk_id), dialled)


@command(number, "create", "Give a tenant a number.")
@click.argument("e164")
@click.option("--tenant", "tenant_id", type=id_of(Prefix.TENANT), required=True)
@click.option(
    "--dial",
    "targets",
    multiple=True,
    help="trunk:TK…:+15551234567 or sip:user@host; repeatable, tried in order.",
)
@click.option("--flow", "flow_id", type=id_of(Prefix.FLOW), help="In place of --dial.")
@click.option("--label", default="")
@click.option("--dial-timeout", "dial_timeout_seconds", type=int, default=30, show_default=True)
@click.option("--caller-id", help="Number shown to the targets; default the caller's own.")
@click.option("--max-seconds", type=int, help="Longest call.")
def create_number(targets: tuple[str, ...], as_json: bool, **rest: Any) -> None:
    from ringfence.domains.numbers import api
    from ringfence.domains.numbers.contracts import NewNumber

    new = NewNumber(dial=tuple(_target(text) for text in targets), **rest)
    show(api.create_number(new), Prefix.NUMBER, as_json)


@command(number, "list", "All numbers.")
def list_numbers(as_json: bool) -> None:
    from ringfence.domains.numbers import api

    show(api.list_all_numbers(), Prefix.NUMBER, as_json)


@command(device, "create", "Give a tenant a phone; a password that is made up is shown only now.")
@click.argument("name")
@click.option("--tenant", "tenant_id", type=id_of(Prefix.TENANT), required=True)
@click.option("--username", help="What it registers as. Default: made up.")
@click.option("--password", help="12 characters or more. Default: made up.")
def create_device(
    name: str, tenant_id: UUID, username: str | None, password: str | None, as_json: bool
) -> None:
    from ringfence.domains.accounts.api import tenant_exists
    from ringfence.domains.devices import api
    from ringfence.domains.devices.contracts import NewDevice

    if not tenant_exists(tenant_id):
        raise click.BadParameter("no such tenant", param_hint="--tenant")
    made = api.create_device(tenant_id, NewDevice(name, username, password))
    shown = {} if made.password is None else {"password": made.password}
    show(plain(made.info, Prefix.DEVICE) | shown, Prefix.DEVICE, as_json)


@command(device, "list", "All devices.")
def list_devices(as_json: bool) -> None:
    from ringfence.domains.devices import api

    show(api.list_all_devices(), Prefix.DEVICE, as_json)
