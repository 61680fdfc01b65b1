"""Numbers over REST: taken into service, led to targets or a flow, released."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from tests.http.test_flows import HELLO, Api, published
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.domains.numbers import api as numbers
from ringfence.entry.cli import cli
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.config_version import config_version

NEW = "+12025550170"
SIP = [{"sip": "sip:desk@pbx.example.net"}]


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


@pytest.fixture
def api(acme: Populated) -> Api:
    return Api(acme.secret)


def test_a_number_leads_to_a_flow_and_back_to_targets(acme: Populated, api: Api) -> None:
    flow = public_id(Prefix.FLOW, acme.flow)
    before = config_version()
    made = api.made("/numbers", {"e164": "+1 (202) 555-0170", "flow": flow, "label": "Main"})
    assert config_version() > before, "the call plane learns of it"
    path = f"/numbers/{made['id']}"
    assert made == {
        "id": made["id"],
        "e164": NEW,
        "label": "Main",
        "dial": [],
        "flow": flow,
        "dial_timeout_seconds": 30,
        "caller_id": None,
        "max_seconds": None,
        "status": "active",
    }
    plan = numbers.route(NEW)
    assert plan is not None
    assert (plan.flow_id, plan.dial) == (acme.flow, ())
    target = {"trunk": public_id(Prefix.TRUNK, acme.trunk), "number": "+14155550100"}
    changed = {"dial": [target], "caller_id": acme.e164, "max_seconds": 60}
    answer = api.change(path, changed)
    assert answer.status_code == 200, answer.content
    expected = {**made, **changed, "flow": None, "dial": [{**target, "sip": None}]}
    assert api("get", path).json() == answer.json() == expected
    plan = numbers.route(NEW)
    assert plan is not None
    assert (plan.flow_id, len(plan.dial), plan.max_seconds) == (None, 1, 60)
    assert api.change(path, {"flow": flow, "max_seconds": None}).json() == {
        **made,
        "caller_id": acme.e164,
    }


def test_a_released_number_gets_no_call_and_may_be_taken_again(acme: Populated, api: Api) -> None:
    made = api.made("/numbers", {"e164": NEW, "dial": SIP})
    path = f"/numbers/{made['id']}"
    assert api("delete", path).status_code == 204
    assert numbers.route(NEW) is None
    assert api("get", path).json() == {**made, "status": "inactive"}
    assert api("delete", path).status_code == 204, "again is harmless"
    refused = api.change(path, {"label": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "number_released")
    other = Api(populate("Bolt", 2).secret)
    again = other.made("/numbers", {"e164": NEW, "dial": SIP})
    plan = numbers.route(NEW)
    assert plan is not None
    assert public_id(Prefix.NUMBER, plan.number_id) == again["id"]
    taken = api("post", "/numbers", {"e164": NEW, "dial": SIP})
    assert (taken.status_code, taken.json()["code"]) == (409, "number_taken")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dial": SIP, "e164": "911"}, "e164"),
        ({"dial": []}, "dial"),
        ({}, "dial"),
        ({"dial": SIP, "flow": "own"}, "dial"),
        ({"flow": "other"}, "flow"),
        ({"dial": [{"sip": "sip:a@b", "number": "+14155550100"}]}, "dial"),
        ({"dial": [{}]}, "dial"),
        (
            {"dial": [{"trunk": public_id(Prefix.TRUNK, new_id()), "number": "+14155550100"}]},
            "dial",
        ),
        ({"dial": SIP * 21}, "dial"),
        ({"dial": SIP, "caller_id": "+14155550100"}, "caller_id"),
        ({"dial": SIP, "label": "a\1b"}, "label"),
        ({"dial": SIP, "max_seconds": 0}, "max_seconds"),
        ({"dial": SIP, "dial_timeout_seconds": 601}, "dial_timeout_seconds"),
    ],
)
def test_a_wrong_number_names_its_field(
    acme: Populated, api: Api, body: dict[str, Any], field: str
) -> None:
    known = {"own": acme.flow, "other": new_id()}
    if "flow" in body:
        body = {**body, "flow": public_id(Prefix.FLOW, known[body["flow"]])}
    refused = api("post", "/numbers", {"e164": NEW, **body})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_number")
    assert refused.json()["details"]["field"] == field
    assert numbers.route(NEW) is None


def test_a_flow_must_be_published_first(api: Api) -> None:
    draft = api.made("/flows", {"name": "Draft", "draft": HELLO})["id"]
    refused = api("post", "/numbers", {"e164": NEW, "flow": draft})
    assert (refused.status_code, refused.json()["code"]) == (409, "flow_not_published")


def test_a_change_says_what_it_is_of(api: Api) -> None:
    path = f"/numbers/{api.made('/numbers', {'e164': NEW, 'dial': SIP})['id']}"
    assert api("patch", path, {"label": "x"}).status_code == 428
    assert api("patch", path, {"label": "x"}, If_Match='"old"').status_code == 412
    assert api("get", path).json()["label"] == ""


def test_numbers_come_in_pages_newest_first(acme: Populated, api: Api) -> None:
    for index in range(3):
        api.made("/numbers", {"e164": f"+1202555017{index}", "dial": SIP})
    page = api("get", "/numbers?limit=3").json()
    rest = api("get", f"/numbers?before={page['next']}").json()
    found = [item["e164"] for item in page["numbers"] + rest["numbers"]]
    assert found == ["+12025550172", "+12025550171", "+12025550170", acme.e164]
    assert rest["next"] is None


def test_another_tenants_numbers_do_not_exist(acme: Populated, api: Api) -> None:
    other = Api(populate("Bolt", 2).secret)
    path = f"/numbers/{public_id(Prefix.NUMBER, acme.number)}"
    for verb, body in (("get", None), ("patch", {"label": "x"}), ("delete", None)):
        refused = other(verb, path, body, If_Match="*")
        assert (refused.status_code, refused.json()["code"]) == (404, "number_not_found")
    assert numbers.route(acme.e164) is not None


def test_a_key_needs_the_scope(acme: Populated) -> None:
    reader = Api(accounts.create_api_key(acme.tenant, scopes=("numbers:read",)).secret)
    path = f"/numbers/{public_id(Prefix.NUMBER, acme.number)}"
    for verb, at, body in (
        ("post", "/numbers", {"e164": NEW, "dial": SIP}),
        ("patch", path, {"label": "x"}),
        ("delete", path, None),
    ):
        assert reader(verb, at, body).json()["details"] == {"required_scope": "numbers:write"}


def test_the_operator_leads_a_number_to_a_flow(acme: Populated, api: Api) -> None:
    flow = published(api, HELLO)
    tenant = public_id(Prefix.TENANT, acme.tenant)
    command = ["number", "create", NEW, "--tenant", tenant, "--flow", flow, "--json"]
    made = CliRunner().invoke(cli, command)
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["flow_id"] == flow
    plan = numbers.route(NEW)
    assert plan is not None
    assert plan.flow_id == parse_public_id(Prefix.FLOW, flow)
    neither = CliRunner().invoke(cli, ["number", "create", "+12025550171", "--tenant", tenant])
    assert neither.exit_code != 0
    assert "invalid_number" in neither.output
