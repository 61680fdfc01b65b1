"""``ringfence member sign-out``: an operator ends sessions."""

from __future__ import annotations

from click.testing import CliRunner
from tests.people import make_member, make_user, person, sign_in

from ringfence.domains.accounts import api as accounts
from ringfence.entry.people import member
from ringfence.platform.database import DatabaseUrls


def test_one_person_is_signed_out_everywhere_or_everybody(db: DatabaseUrls) -> None:
    acme = accounts.create_tenant("Acme").id
    user = make_user("ann@acme.example")
    make_member(user, acme, "agent")
    one, two, other = sign_in(user, acme), sign_in(user, acme), person("agent", acme)
    run = CliRunner().invoke
    assert run(member, ["sign-out", "bob@acme.example"]).exit_code == 1
    for mistake in (["sign-out"], ["sign-out", "ann@acme.example", "--everybody"]):
        assert run(member, mistake).exit_code == 2
    assert one("get", "/calls").status_code == two("get", "/calls").status_code == 200
    assert "2" in run(member, ["sign-out", "Ann@acme.example"]).output
    assert one("get", "/calls").status_code == two("get", "/calls").status_code == 401
    assert other("get", "/calls").status_code == 200
    assert sign_in(user, acme)("get", "/calls").status_code == 200, "they may sign in again"
    assert run(member, ["sign-out", "--everybody"]).exit_code == 0
    assert other("get", "/calls").status_code == 401
