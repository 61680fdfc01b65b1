"""Flows and targets over REST: drafts, publishing, versions, what refuses to be published."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id

API = "/api/v1"


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


class Api:
    """Requests with one key."""

    def __init__(self, key: str) -> None:
        self._headers = {"Authorization": f"Bearer {key}"}

    def __call__(self, verb: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return getattr(Client(), verb)(
            f"{API}{path}",
            **({} if body is None else {"data": body, "content_type": "application/json"}),
            headers={**self._headers, **given},
        )

    def made(self, path: str, body: Any) -> Any:
        answer = self("post", path, body)
        assert answer.status_code == 201, answer.content
        return answer.json()

    def change(self, path: str, body: Any) -> Any:
        return self("patch", path, body, If_Match=self("get", path).headers["ETag"])


@pytest.fixture
def api(acme: Populated) -> Api:
    return Api(acme.secret)


def graph(**nodes: Any) -> dict[str, Any]:
    return {"start": next(iter(nodes)), "nodes": nodes}


HELLO = graph(
    hello={"type": "say", "text": "Hello", "next": {"done": "bye"}}, bye={"type": "hangup"}
)


def published(api: Api, draft: dict[str, Any], name: str = "Main") -> str:
    flow = api.made("/flows", {"name": name, "draft": draft})["id"]
    api.made(f"/flows/{flow}/publish", {})
    return str(flow)


def problems(api: Api, draft: dict[str, Any]) -> set[tuple[str | None, str, str]]:
    """Of refusing to publish, which must be those of validating."""
    flow = api.made("/flows", {"name": "Wrong", "draft": draft})["id"]
    refused = api("post", f"/flows/{flow}/publish", {})
    assert refused.status_code == 422, refused.content
    assert refused.json()["code"] == "flow_invalid"
    found = refused.json()["details"]["problems"]
    asked = api("post", "/flows/validate", {"graph": draft, "flow": flow}).json()
    assert asked["valid"] is False
    assert sorted(map(repr, asked["problems"])) == sorted(map(repr, found))
    assert api("get", f"/flows/{flow}").json()["published_version"] is None
    return {(problem["node"], problem["field"], problem["code"]) for problem in found}


def test_a_draft_becomes_a_version_and_an_old_one_comes_back(api: Api) -> None:
    flow = api.made("/flows", {"name": " Main ", "draft": HELLO})
    assert (flow["name"], flow["draft"], flow["published_version"]) == ("Main", HELLO, None)
    path = f"/flows/{flow['id']}"
    first = api.made(f"{path}/publish", {"note": "opening"})
    assert (first["version"], first["graph"], first["note"]) == (1, HELLO, "opening")
    louder = graph(
        hello={"type": "say", "text": "HELLO", "next": {"": "bye"}}, bye={"type": "hangup"}
    )
    saved = api.change(path, {"draft": louder})
    assert saved.status_code == 200
    assert (saved.json()["published_version"], saved.json()["draft"]) == (1, louder)
    assert saved.json()["name"] == "Main"
    difference = api("get", f"{path}/versions/1/diff/draft").json()
    assert difference == {
        "added": [],
        "removed": [],
        "changed": {"hello": ["next.", "next.done", "text"]},
        "graph": [],
    }
    assert api.made(f"{path}/publish", {})["version"] == 2
    assert api("get", f"{path}/versions/1/diff/2").json() == difference
    back = api.made(f"{path}/rollback", {"version": 1, "note": "too loud"})
    assert (back["version"], back["graph"]) == (3, HELLO)
    now = api("get", path).json()
    assert (now["published_version"], now["draft"]) == (3, louder)
    listed = api("get", f"{path}/versions?limit=2").json()
    assert [item["version"] for item in listed["versions"]] == [3, 2]
    rest = api("get", f"{path}/versions?before={listed['next']}").json()
    assert [item["version"] for item in rest["versions"]] == [1]
    assert rest["next"] is None
    assert api("get", f"{path}/versions/2").json()["graph"] == louder


def test_flows_come_in_pages_newest_first(api: Api) -> None:
    made = [api.made("/flows", {"name": f"F{index}"})["id"] for index in range(3)]
    page = api("get", "/flows?limit=2").json()
    assert [flow["id"] for flow in page["flows"]] == made[:0:-1]
    assert "draft" not in page["flows"][0]
    rest = api("get", f"/flows?before={page['next']}").json()["flows"]
    assert rest[0]["id"] == made[0]


def test_two_editors_do_not_overwrite_each_other(api: Api) -> None:
    path = f"/flows/{api.made('/flows', {'name': 'Main', 'draft': HELLO})['id']}"
    seen = api("get", path).headers["ETag"]
    assert api("patch", path, {"name": "Mine"}).status_code == 428
    assert api("patch", path, {"name": "Mine"}, If_Match=seen).status_code == 200
    late = api("patch", path, {"name": "Yours"}, If_Match=seen)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert api("get", path).json()["name"] == "Mine"


def test_every_problem_stands_at_its_node(api: Api) -> None:
    assert problems(api, {}) >= {(None, "start", "missing"), (None, "nodes", "missing")}
    wrong = graph(
        a={"type": "say", "text": "x", "next": {"done": "nowhere", "digits": "b"}},
        b={"type": "hangup"},
    )
    assert problems(api, wrong) >= {
        ("a", "next.done", "node_unknown"),
        ("a", "next.digits", "outcome_unknown"),
    }


def test_whatever_is_named_must_be_there_and_ours(acme: Populated, api: Api) -> None:
    bolt = populate("Bolt", 2)
    other = Api(bolt.secret)
    theirs = {
        "target": other.made("/targets", {"name": "T", "kind": "sip", "sip": "sip:a@b.example"}),
        "flow": {"id": published(other, HELLO)},
    }
    prompt = public_id(Prefix.PROMPT, new_id())
    device = public_id(Prefix.DEVICE, new_id())
    draft_only = api.made("/flows", {"name": "Draft", "draft": HELLO})["id"]
    wrong = graph(
        play={"type": "play", "prompt": prompt, "next": {"": "ask"}},
        ask={"type": "gather", "prompts": [{"play": prompt}], "next": {"": "ring"}},
        ring={
            "type": "dial",
            "targets": [
                {"target": theirs["target"]["id"]},
                {"number": "+14155550100", "trunk": public_id(Prefix.TRUNK, bolt.trunk)},
                {"device": device},
            ],
            "caller_id": bolt.e164,
            "next": {"": "sub"},
        },
        sub={"type": "flow", "flow": theirs["flow"]["id"], "next": {"": "on"}},
        on={"type": "redirect", "flow": draft_only},
    )
    assert problems(api, wrong) == {
        ("play", "prompt", "prompt_not_found"),
        ("ask", "prompts[0].play", "prompt_not_found"),
        ("ring", "targets[0].target", "target_not_found"),
        ("ring", "targets[1].trunk", "trunk_not_found"),
        ("ring", "targets[2].device", "device_not_found"),
        ("ring", "caller_id", "caller_id_not_owned"),
        ("sub", "flow", "flow_not_published"),
        ("on", "flow", "flow_not_published"),
    }


def test_what_is_ours_may_be_named(acme: Populated, api: Api) -> None:
    target = api.made("/targets", {"name": "T", "kind": "sip", "sip": "sip:a@b.example"})["id"]
    sub = published(api, HELLO, "Sub")
    published(
        api,
        graph(
            ring={
                "type": "dial",
                "targets": [
                    {"target": target},
                    {"number": "+14155550100", "trunk": public_id(Prefix.TRUNK, acme.trunk)},
                ],
                "caller_id": acme.e164,
                "next": {"": "sub"},
            },
            sub={"type": "flow", "flow": sub},
        ),
    )


def test_a_circle_over_two_flows_is_refused_when_it_closes(api: Api) -> None:
    first = published(api, HELLO, "First")
    second = published(api, graph(on={"type": "redirect", "flow": first}), "Second")
    api.change(f"/flows/{first}", {"draft": graph(on={"type": "redirect", "flow": second})})
    refused = api("post", f"/flows/{first}/publish", {})
    assert refused.status_code == 422, refused.content
    assert refused.json()["details"]["problems"]
    assert api("get", f"/flows/{first}").json()["published_version"] == 1


def test_what_is_used_cannot_go(acme: Populated, api: Api) -> None:
    target = api.made("/targets", {"name": "T", "kind": "sip", "sip": "sip:a@b.example"})["id"]
    ring = graph(ring={"type": "dial", "targets": [{"target": target}], "caller_id": acme.e164})
    sub = published(api, ring, "Sub")
    main = published(api, graph(sub={"type": "flow", "flow": sub}))
    number = api.made("/numbers", {"e164": "+12025550177", "flow": main})["id"]
    mine = public_id(Prefix.NUMBER, acme.number)
    for path, code, details in (
        (f"/targets/{target}", "target_in_use", {"flows": [sub]}),
        (f"/flows/{sub}", "flow_in_use", {"numbers": [], "flows": [main]}),
        (f"/flows/{main}", "flow_in_use", {"numbers": ["+12025550177"], "flows": []}),
        (f"/numbers/{mine}", "number_in_use", {"flows": [sub], "numbers": []}),
    ):
        refused = api("delete", path)
        assert (refused.status_code, refused.json()["code"]) == (409, code), path
        assert refused.json()["details"] == details
    for path in (
        f"/numbers/{number}",
        f"/flows/{main}",
        f"/flows/{sub}",
        f"/targets/{target}",
        f"/numbers/{mine}",
    ):
        assert api("delete", path).status_code == 204, path
    for path in (f"/flows/{main}", f"/targets/{target}", f"/flows/{main}/versions/1"):
        assert api("get", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": "x", "draft": {"a": [{"b": float("inf")}]}}, "invalid_flow", "draft"),
        ({"name": " "}, "invalid_flow", "name"),
        ({"name": "a\1b"}, "invalid_flow", "name"),
        ({"name": "x" * 121}, "invalid_flow", "name"),
    ],
)
def test_what_cannot_be_kept_is_refused(api: Api, body: Any, code: str, field: str) -> None:
    refused = api("post", "/flows", body)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.content
    assert refused.json()["details"]["field"] == field
    assert [flow["name"] for flow in api("get", "/flows").json()["flows"]] == ["Main"]


@pytest.mark.parametrize("method", ["validate", "publish"])
def test_a_graph_that_is_nonsense_is_a_problem_and_no_failure(api: Api, method: str) -> None:
    for nonsense in ({"start": 1, "nodes": []}, {"nodes": {"": None}}, {"x": [[[]]]}):
        if method == "validate":
            assert not api("post", "/flows/validate", {"graph": nonsense}).json()["valid"]
        else:
            assert problems(api, nonsense)


SIP = {"name": "Desk", "kind": "sip", "sip": "sip:desk@pbx.example.net"}


def test_a_target_is_changed_in_parts(acme: Populated, api: Api) -> None:
    made = api.made("/targets", SIP)
    path = f"/targets/{made['id']}"
    empty = {"trunk": None, "number": None, "device": None}
    assert made == {**SIP, **empty, "id": made["id"], "enabled": True}
    assert api.change(path, {"enabled": False}).json() == {**made, "enabled": False}
    trunk = public_id(Prefix.TRUNK, acme.trunk)
    moved = {"kind": "number", "trunk": trunk, "number": "+14155550100"}
    assert api.change(path, moved).json() == {
        **made,
        **moved,
        "sip": None,
        "enabled": False,
    }
    page = api("get", "/targets?limit=1").json()
    assert [item["id"] for item in page["targets"]] == [made["id"]]
    older = api("get", f"/targets?before={page['next']}").json()["targets"]
    assert [item["id"] for item in older] == [public_id(Prefix.TARGET, acme.target)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda acme: {"sip": "sip:a@b\r\nVia: c"}, "sip"),
        (lambda acme: {"sip": None}, "sip"),
        (lambda acme: {"number": "+14155550100"}, "number"),
        (lambda acme: {"name": ""}, "name"),
        (lambda acme: {"kind": "number", "sip": None, "number": "+14155550100"}, "trunk"),
        (
            lambda acme: {
                "kind": "number",
                "sip": None,
                "number": "415",
                "trunk": public_id(Prefix.TRUNK, acme.trunk),
            },
            "number",
        ),
        (
            lambda acme: {
                "kind": "number",
                "sip": None,
                "number": "+14155550100",
                "trunk": public_id(Prefix.TRUNK, new_id()),
            },
            "trunk",
        ),
        (
            lambda acme: {
                "kind": "device",
                "sip": None,
                "device": public_id(Prefix.DEVICE, new_id()),
            },
            "device",
        ),
    ],
)
def test_a_wrong_target_names_its_field(
    acme: Populated, api: Api, change: Callable[[Populated], dict[str, Any]], field: str
) -> None:
    refused = api("post", "/targets", {**SIP, **change(acme)})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_target")
    assert refused.json()["details"]["field"] == field


def test_a_key_needs_the_scope(acme: Populated, api: Api) -> None:
    flow = published(api, HELLO)
    reader = Api(accounts.create_api_key(acme.tenant, scopes=("flows:read",)).secret)
    assert reader("get", f"/flows/{flow}").status_code == 200
    assert reader("post", "/flows/validate", {"graph": HELLO}).json()["valid"]
    for verb, path, body in (
        ("post", "/flows", {"name": "x"}),
        ("post", f"/flows/{flow}/publish", {}),
        ("post", f"/flows/{flow}/rollback", {"version": 1}),
        ("patch", f"/flows/{flow}", {"name": "x"}),
        ("delete", f"/flows/{flow}", None),
        ("post", "/targets", SIP),
        ("delete", f"/prompts/{public_id(Prefix.PROMPT, new_id())}", None),
    ):
        refused = reader(verb, path, body)
        assert refused.status_code == 403, (verb, path)
        assert refused.json()["details"] == {"required_scope": "flows:write"}


def test_another_tenants_flows_do_not_exist(api: Api) -> None:
    flow = published(api, HELLO)
    target = api.made("/targets", SIP)["id"]
    other = Api(populate("Bolt", 2).secret)
    absent = public_id(Prefix.FLOW, new_id())
    for verb, path, body in (
        ("get", "/flows/{}", None),
        ("patch", "/flows/{}", {"name": "x"}),
        ("delete", "/flows/{}", None),
        ("post", "/flows/{}/publish", {}),
        ("post", "/flows/{}/rollback", {"version": 1}),
        ("get", "/flows/{}/versions", None),
        ("get", "/flows/{}/versions/1", None),
        ("get", "/flows/{}/versions/1/diff/1", None),
    ):
        foreign, nothing = (
            other(verb, path.format(id_), body, If_Match="*") for id_ in (flow, absent)
        )
        assert foreign.status_code == nothing.status_code == 404, (verb, path)
        assert foreign.json() == nothing.json()
        assert foreign.json()["code"] == "flow_not_found"
    for verb, body in (("get", None), ("patch", {"name": "x"}), ("delete", None)):
        refused = other(verb, f"/targets/{target}", body, If_Match="*")
        assert (refused.status_code, refused.json()["code"]) == (404, "target_not_found")
    assert api("get", f"/flows/{flow}").json()["published_version"] == 1
    assert other("post", "/flows/validate", {"graph": HELLO, "flow": flow}).status_code == 404
    refused = other("post", "/numbers", {"e164": "+12025550178", "flow": flow})
    assert (refused.status_code, refused.json()["details"]) == (422, {"field": "flow"})


def test_the_flow_of_the_guide_is_published_as_it_stands(api: Api) -> None:
    guide = Path(__file__).parents[2].joinpath("docs/guides/flows.md").read_text()
    text = re.search(r"```json\n(\{\n  \"start\".*?)```", guide, re.S)
    assert text is not None
    target = {"name": "Sales", "kind": "sip", "sip": "sip:sales@127.0.0.1:5090"}
    sales = api.made("/targets", target)["id"]
    flow = published(api, json.loads(text[1].replace("$SALES", sales)))
    api.made("/numbers", {"e164": "+12025550123", "flow": flow})
