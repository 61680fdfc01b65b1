"""Commands by which the operator lets the first people in: its own staff, and owners of tenants."""

from __future__ import annotations

from uuid import UUID

import click

from ringfence.entry.provision import command, id_of, plain, show
from ringfence.kernel.ids import Prefix

staff = click.Group("staff", help="The operator's own people.")
member = click.Group("member", help="People of tenants.")


@command(staff, "invite", "Invite somebody to the operator's staff, and print the link.")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(["operator-admin", "operator-support", "privacy-officer", "lawful-process"]),
    default="operator-admin",
    show_default=True,
    help="lawful-process is given here alone, and shown in no list.",
)
@click.option("--location", default="", help="The country that they work in, such as US.")
def invite_staff(email: str, role: str, location: str, as_json: bool) -> None:
    from ringfence.domains.identity import api

    _told(api.invite_staff(email, role, location, "cli"), as_json)


@command(staff, "list", "The operator's staff.")
def list_staff(as_json: bool) -> None:
    from ringfence.domains.identity import api
    from ringfence.platform_django.use import using

    with using("support", "cli"):
        show(api.list_members(None), Prefix.MEMBER, as_json)


@command(member, "owner", "Invite the first owner of a tenant, and print the link.")
@click.argument("tenant_id", metavar="TENANT", type=id_of(Prefix.TENANT))
@click.argument("email")
def invite_owner(tenant_id: UUID, email: str, as_json: bool) -> None:
    from ringfence.domains.accounts.api import get_any_tenant
    from ringfence.domains.identity import api

    get_any_tenant(tenant_id)
    _told(api.invite_owner(tenant_id, email, "cli"), as_json)


@command(member, "list", "The members of a tenant.")
@click.argument("tenant_id", metavar="TENANT", type=id_of(Prefix.TENANT))
def list_members(tenant_id: UUID, as_json: bool) -> None:
    from ringfence.domains.identity import api
    from ringfence.platform_django.use import using

    with using("support", "cli"):
        show(api.list_members(tenant_id), Prefix.MEMBER, as_json)


@command(member, "sign-out", "End all sessions of somebody, staff too, or of everybody.")
@click.argument("email", required=False)
@click.option("--everybody", is_flag=True, help="In place of an address.")
def sign_out(email: str | None, everybody: bool, as_json: bool) -> None:
    from ringfence.domains.identity import api

    if everybody == (email is not None):
        raise click.UsageError("name an address, or --everybody")
    show({"ended": api.end_sessions(email)}, Prefix.MEMBER, as_json)


def _told(made: object, as_json: bool) -> None:
    from ringfence.domains.identity.api import invitation_url
    from ringfence.domains.identity.contracts import NewInvitation

    assert isinstance(made, NewInvitation)
    link = {"link": invitation_url(made.token)}
    show(plain(made.info, Prefix.INVITATION) | link, Prefix.INVITATION, as_json)
