"""Webhooks over REST: made, changed, tried, replayed, deleted; and by whom."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks import outbox
from ringfence.domains.webhooks.outbox import Attempt
from ringfence.domains.webhooks.rules.schedule import Outcome
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import clock
from ringfence.platform_django.keys import keys

URL = "https://hooks.invalid/in"


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


def ask(verb: str, path: str, key: str, body: Any = None, **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {key}", **headers}
    data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(Client(), verb)(f"/api/v1{path}", headers=sent, **data)


def make(acme: Populated, **fields: Any) -> dict[str, Any]:
    answer = ask("post", "/webhooks", acme.secret, {"url": URL, "events": ["*"], **fields})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_secret_is_shown_once_and_is_a_key_of_32_bytes(acme: Populated) -> None:
    made = make(acme, description="Orders", events=["call.ended", "call.started"])
    assert made["id"].startswith("WH")
    assert made["events"] == ["call.started", "call.ended"]
    assert made["enabled"] is True
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)) == 32
    for path in (f"/webhooks/{made['id']}", "/webhooks"):
        answer = ask("get", path, acme.secret)
        assert answer.status_code == 200
        assert made["secret"][6:] not in answer.content.decode()
        assert made["id"] in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://hooks.invalid/", "events": ["*"]}, "invalid_webhook"),
        ({"url": "https://127.0.0.1/", "events": ["*"]}, "invalid_webhook"),
        ({"url": "https://10.1.2.3/", "events": ["*"]}, "invalid_webhook"),
        ({"url": "https://169.254.169.254/latest", "events": ["*"]}, "invalid_webhook"),
        ({"url": "https://[::1]/", "events": ["*"]}, "invalid_webhook"),
        ({"url": "https://[::ffff:127.0.0.1]/", "events": ["*"]}, "invalid_webhook"),
        ({"url": "https://u:p@hooks.invalid/", "events": ["*"]}, "invalid_webhook"),
        ({"url": URL, "events": ["call.exploded"]}, "invalid_webhook"),
        ({"url": URL, "events": []}, "invalid_input"),
        ({"url": URL}, "invalid_input"),
        ({"url": URL, "events": ["*"], "secret": "mine"}, "invalid_input"),
    ],
)
def test_what_cannot_be_is_refused(acme: Populated, body: dict[str, Any], code: str) -> None:
    answer = ask("post", "/webhooks", acme.secret, body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert len(webhooks.list_endpoints(acme.tenant)) == 1, "but for that of the population"


def test_a_change_names_what_it_changes(acme: Populated) -> None:
    made = make(acme)
    path = f"/webhooks/{made['id']}"
    etag = ask("get", path, acme.secret).headers["ETag"]
    assert ask("patch", path, acme.secret, {"description": "x"}).status_code == 428
    changed = ask("patch", path, acme.secret, {"enabled": False}, **{"If-Match": etag})
    assert changed.status_code == 200, changed.content
    assert (changed.json()["enabled"], changed.json()["disabled_reason"]) == (False, "request")
    assert changed.json()["url"] == URL
    stale = ask("patch", path, acme.secret, {"enabled": True}, **{"If-Match": etag})
    assert stale.status_code == 412
    again = ask(
        "patch", path, acme.secret, {"enabled": True}, **{"If-Match": changed.headers["ETag"]}
    )
    assert (again.json()["enabled"], again.json()["disabled_reason"]) == (True, None)
    wrong = ask(
        "patch",
        path,
        acme.secret,
        {"url": "https://10.0.0.1/"},
        **{"If-Match": again.headers["ETag"]},
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_webhook")


def test_a_new_secret(acme: Populated) -> None:
    made = make(acme)
    rotated = ask("post", f"/webhooks/{made['id']}/rotate", acme.secret)
    assert rotated.status_code == 200, rotated.content
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.json()["rotating_until"] is not None


def test_deliveries_in_pages_by_state_and_again(acme: Populated) -> None:
    made = make(acme)
    path = f"/webhooks/{made['id']}"
    sent = [ask("post", f"{path}/test", acme.secret) for _ in range(3)]
    assert [one.status_code for one in sent] == [202] * 3
    assert sent[0].json()["type"] == "webhook.test"
    claims = outbox.claim(clock().now(), room=10, each=10, share=10, busy={})
    (dead,) = (c for c in claims if public_id(Prefix.DELIVERY, c.id) == sent[0].json()["id"])
    outbox.settle([Attempt(dead, clock().now(), Outcome.GONE, 410, "gone", ms=12, bytes=3)])

    page = ask("get", f"{path}/deliveries?limit=2", acme.secret).json()
    assert [one["id"] for one in page["deliveries"]] == [one.json()["id"] for one in sent[:0:-1]]
    rest = ask("get", f"{path}/deliveries?limit=2&before={page['next']}", acme.secret).json()
    assert [one["id"] for one in rest["deliveries"]] == [sent[0].json()["id"]]
    assert rest["next"] is None
    gone = ask("get", f"{path}/deliveries?state=dead", acme.secret).json()["deliveries"]
    assert len(gone) == 3, "410 ended what waited too"

    one = ask("get", f"/deliveries/{sent[0].json()['id']}", acme.secret).json()
    assert (one["state"], one["last_status"], one["last_error"]) == ("dead", 410, "gone")
    assert {**one["log"][0], "at": None} == {
        "at": None, "ms": 12, "status": 410, "code": "gone", "bytes": 3,
    }  # fmt: skip
    refused = ask("post", f"/deliveries/{one['id']}/replay", acme.secret)
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    enable = {"If-Match": "*"}
    assert ask("patch", path, acme.secret, {"enabled": True}, **enable).status_code == 200
    again = ask("post", f"/deliveries/{one['id']}/replay", acme.secret)
    assert (again.status_code, again.json()["state"], again.json()["id"]) == (
        202,
        "pending",
        one["id"],
    )
    since = {"since": made["created_at"]}
    replayed = ask("post", f"{path}/replay", acme.secret, since)
    assert (replayed.status_code, replayed.json()) == (202, {"replayed": 2})


def test_a_deleted_webhook_and_its_deliveries_are_gone(acme: Populated) -> None:
    made = make(acme)
    sent = ask("post", f"/webhooks/{made['id']}/test", acme.secret).json()
    answer = ask("delete", f"/webhooks/{made['id']}", acme.secret)
    assert (answer.status_code, answer.content) == (204, b"")
    for path in (f"/webhooks/{made['id']}", f"/deliveries/{sent['id']}"):
        assert ask("get", path, acme.secret).status_code == 404


def test_scopes(acme: Populated) -> None:
    reader = accounts.create_api_key(acme.tenant, scopes=("webhooks:read",)).secret
    own = acme.path_values()
    assert ask("get", "/webhooks", reader).status_code == 200
    for verb, path, body in (
        ("post", "/webhooks", {"url": URL, "events": ["*"]}),
        ("post", f"/webhooks/{own['webhook_id']}/rotate", None),
        ("delete", f"/webhooks/{own['webhook_id']}", None),
        ("post", f"/deliveries/{own['delivery_id']}/replay", None),
    ):
        answer = ask(verb, path, reader, body)
        assert answer.status_code == 403, path
        assert answer.json()["details"] == {"required_scope": "webhooks:write"}


def test_another_tenants_webhooks_do_not_exist(acme: Populated) -> None:
    bolt = populate("Bolt", 2).path_values()
    hook, sent = bolt["webhook_id"], bolt["delivery_id"]
    since = {"since": "2026-01-01T00:00:00Z"}
    for verb, path, body in (
        ("get", f"/webhooks/{hook}", None),
        ("patch", f"/webhooks/{hook}", {"enabled": False}),
        ("delete", f"/webhooks/{hook}", None),
        ("post", f"/webhooks/{hook}/rotate", None),
        ("post", f"/webhooks/{hook}/test", None),
        ("post", f"/webhooks/{hook}/replay", since),
        ("get", f"/webhooks/{hook}/deliveries", None),
        ("get", f"/deliveries/{sent}", None),
        ("post", f"/deliveries/{sent}/replay", None),
    ):
        foreign = ask(verb, path, acme.secret, body, **{"If-Match": "*"})
        absent_path = path.replace(hook, "WH" + "0" * 32).replace(sent, "WD" + "0" * 32)
        absent = ask(verb, absent_path, acme.secret, body, **{"If-Match": "*"})
        assert foreign.status_code == absent.status_code == 404, (verb, path)
        assert foreign.json() == absent.json()


def test_as_many_as_there_may_be(acme: Populated) -> None:
    for _ in range(49):
        make(acme)
    answer = ask("post", "/webhooks", acme.secret, {"url": URL, "events": ["*"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


def test_without_keys_nothing_is_half_made(
    acme: Populated, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ringfence.kernel.errors import Unavailable

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(keys(), "seal", away)
    answer = ask("post", "/webhooks", acme.secret, {"url": URL, "events": ["*"]})
    assert answer.status_code == 503
    assert len(webhooks.list_endpoints(acme.tenant)) == 1
