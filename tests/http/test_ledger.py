"""Wallet and ledger over REST and on the command line."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from tests.keys_fixture import Keys
from tests.population import Populated, populate
from tests.rated_calls import make_decks, write_calls

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.api import project_calls, store_events
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import AccountKind, Reference
from ringfence.entry.cli import cli
from ringfence.entry.control.translate import call_event
from ringfence.kernel.ids import Prefix, public_id
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.keys import use_keys


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


def ask(path: str, key: str) -> Any:
    return Client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})


def test_the_wallet_after_a_payment_and_a_call(acme: Populated) -> None:
    ledger.set_wallet_limits(
        acme.tenant, "USD", credit_limit_micros=7, low_balance_micros=1_000_000
    )
    assert ask("/wallet", acme.secret).json() == {
        "tenant": public_id(Prefix.TENANT, acme.tenant),
        "wallets": [
            {
                "currency": "USD",
                "balance_micros": 4_976_000,
                "credit_limit_micros": 7,
                "low_balance_micros": 1_000_000,
            }
        ],
    }


def test_the_entry_of_a_call_explains_itself(acme: Populated) -> None:
    call = public_id(Prefix.CALL, acme.call)
    (entry,) = ask(f"/ledger/entries?call={call}", acme.secret).json()["entries"]
    assert entry["kind"] == "charge"
    assert entry["reference"] == {"type": "call", "id": call}
    assert entry["lines"] == [
        {"account": "wallet", "amount_micros": -24_000, "currency": "USD"},
        {"account": "revenue", "amount_micros": 24_000, "currency": "USD"},
    ]
    why = entry["explanation"]
    assert (why["rule"], why["call"], why["billed_seconds"]) == ("rating/1", call, 120)
    assert (why["deck"][:2], why["rate"][:2]) == ("RD", "RA")
    assert {"what": "usage", "seconds": 120, "micros": 24_000} in why["steps"]


def test_entries_come_in_pages_by_kind(acme: Populated) -> None:
    for index in range(3):
        ledger.top_up(
            acme.tenant,
            Money(1),
            idempotency_key=f"more-{index}",
            reference=Reference("payment", f"pi_more_{index}"),
        )
    keys: list[str] = []
    path = "/ledger/entries?limit=2&kind=top_up"
    body = ask(path, acme.secret).json()
    while True:
        keys += [entry["idempotency_key"] for entry in body["entries"]]
        if body["next"] is None:
            break
        body = ask(f"{path}&before={body['next']}", acme.secret).json()
    assert sorted(keys) == ["more-0", "more-1", "more-2", "pay-1"]


@pytest.mark.parametrize(
    "query", ["kind=gift", "call=CA1", "call=PN" + "0" * 32, "before=x", "limit=0", "limit=201"]
)
def test_wrong_queries_are_refused(acme: Populated, query: str) -> None:
    answer = ask(f"/ledger/entries?{query}", acme.secret)
    assert answer.status_code == 422
    assert set(answer.json()) == {"code", "message", "details"}


def test_a_key_needs_the_scope(acme: Populated) -> None:
    key = accounts.create_api_key(acme.tenant, scopes=("calls:read",)).secret
    for path in ("/wallet", "/ledger/entries"):
        answer = ask(path, key)
        assert answer.status_code == 403
        assert answer.json()["details"] == {"required_scope": "ledger:read"}


def test_balances_on_the_command_line(acme: Populated) -> None:
    tenant = public_id(Prefix.TENANT, acme.tenant)
    shown = CliRunner().invoke(cli, ["ledger", "balance", "--tenant", tenant, "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output) == [
        {"account": "payable", "currency": "USD", "balance_micros": -5_000_000},
        {"account": "revenue", "currency": "USD", "balance_micros": 24_000},
        {"account": "wallet", "currency": "USD", "balance_micros": 4_976_000},
    ]
    plain = CliRunner().invoke(cli, ["ledger", "balance", "--tenant", tenant])
    assert "wallet USD 4976000" in plain.output
    for wrong in ("AC" + "0" * 32, "nonsense"):
        assert CliRunner().invoke(cli, ["ledger", "balance", "--tenant", wrong]).exit_code != 0


# --- operator: payments, limits, price lists


@pytest.fixture
def operator(acme: Populated) -> str:
    return accounts.create_operator_key(scopes=("ledger:read", "ledger:write")).secret


def send(verb: str, path: str, key: str, body: Any = None, **headers: str) -> Any:
    return getattr(Client(), verb)(
        f"/api/v1{path}",
        data=None if body is None else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}", **headers},
    )


def test_only_the_operator_tops_up_and_each_payment_once(acme: Populated, operator: str) -> None:
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/wallet/top-ups"
    body = {"amount_micros": 2_000_000, "currency": "USD", "reference": "pi_9"}
    assert send("post", path, acme.secret, body).json()["code"] == "operator_only"
    before = ledger.balance(acme.tenant, AccountKind.WALLET, "USD").micros
    first, again = (send("post", path, operator, body) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    assert ledger.balance(acme.tenant, AccountKind.WALLET, "USD").micros == before + 2_000_000
    other = send("post", path, operator, {**body, "amount_micros": 1})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    absent = send("post", path.replace(acme.tenant.hex, "0" * 32), operator, body)
    assert absent.status_code == 404
    for wrong in ({"amount_micros": 0}, {"currency": "usd"}, {"reference": "a b"}):
        assert send("post", path, operator, {**body, **wrong}).status_code == 422
    (usd,) = (b for b in ask("/ledger/balances", acme.secret).json()["balances"]
              if b["account"] == "wallet")  # fmt: skip
    assert usd["balance_micros"] == before + 2_000_000


def test_limits_are_changed_by_who_read_them(acme: Populated, operator: str) -> None:
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/wallets/USD"
    read = send("get", path, operator)
    assert read.json()["credit_limit_micros"] == 0
    change = {"credit_limit_micros": 5_000_000}
    assert send("patch", path, operator, change).status_code == 428
    tag = {"If-Match": read.headers["ETag"]}
    changed = send("patch", path, operator, change, **tag)
    assert (changed.status_code, changed.json()["credit_limit_micros"]) == (200, 5_000_000)
    assert send("patch", path, operator, {"low_balance_micros": 7}, **tag).status_code == 412
    tag = {"If-Match": changed.headers["ETag"]}
    low = send("patch", path, operator, {"low_balance_micros": 7}, **tag).json()
    assert (low["credit_limit_micros"], low["low_balance_micros"]) == (5_000_000, 7)
    euro = path.replace("USD", "EUR")
    tag = {"If-Match": send("get", euro, operator).headers["ETag"]}
    assert send("patch", euro, operator, change, **tag).status_code == 200
    assert ledger.may_start(acme.tenant, "EUR")


RATE = {"prefix": "44", "price_per_minute": "0.03", "effective_from": "2026-01-01T00:00:00Z"}


def test_a_price_list_from_file_or_json_quotes_and_explains_itself(
    acme: Populated, operator: str
) -> None:
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/rates/decks"
    new = {"name": "UK", "kind": "sell", "currency": "USD", "rates": [RATE]}
    made = send("post", path, operator, new)
    assert made.status_code == 201, made.content
    deck = made.json()
    assert (deck["direction"], deck["rates"]) == ("outbound", 1)
    assert ask(f"/rates/decks/{deck['id']}", acme.secret).json() == deck
    assert deck in ask("/rates/decks", acme.secret).json()["decks"]
    (rate,) = ask(f"/rates/decks/{deck['id']}/rates", acme.secret).json()["rates"]
    assert (rate["prefix"], rate["price_per_minute_micros"]) == ("44", 30_000)
    (quote,) = ask("/rates/quote?number=%2B442079460103&seconds=61", acme.secret).json()["quotes"]
    assert (quote["amount_micros"], quote["explanation"]["rate"]) == (60_000, rate["id"])
    (none,) = ask("/rates/quote?number=%2B33155501050", acme.secret).json()["quotes"]
    assert (none["amount_micros"], none["reason"]) == (None, "no_rate")
    wrong = {**new, "rates": [{**RATE, "prefix": "4x"}, {**RATE, "price_per_minute": "x"}]}
    answer = send("post", path, operator, wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_rate_deck")
    assert [error["line"] for error in answer.json()["details"]["errors"]] == [2, 3]
    assert send("post", path, acme.secret, new).status_code == 403


def test_rates_come_in_pages(acme: Populated, operator: str) -> None:
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/rates/decks"
    prefixes = sorted(str(number) for number in range(1, 24))
    rates = [{**RATE, "prefix": prefix} for prefix in prefixes]
    new = {"name": "Many", "kind": "sell", "currency": "USD", "rates": rates}
    deck = send("post", path, operator, new).json()["id"]
    seen: list[str] = []
    after = ""
    while True:
        body = ask(f"/rates/decks/{deck}/rates?limit=5{after}", acme.secret).json()
        seen += [rate["prefix"] for rate in body["rates"]]
        if body["next"] is None:
            break
        after = f"&after={body['next']}"
    assert seen == prefixes


# --- error queue


@pytest.fixture
def stuck(acme: Populated) -> list[str]:
    """Two calls to France, which has no price."""
    make_decks(acme.tenant, ("sell", "outbound"), ("sell", "inbound"))
    stories = [
        story
        for story in write_calls(acme.tenant, 8, random.Random(1), ("+33155501050",))
        if story.legs and not story.emergency
    ][:2]
    store_events([call_event(record) for story in stories for record in story.records])
    project_calls([story.call for story in stories], node="test", position=1)
    while ledger.rate_next(1000):
        pass
    items = ask("/ledger/unrated?limit=200", acme.secret).json()["unrated"]
    calls = {public_id(Prefix.CALL, story.call) for story in stories}
    return [item["id"] for item in items if item["call"] in calls]


def test_the_error_queue_over_rest(acme: Populated, stuck: list[str], operator: str) -> None:
    first, second = stuck
    shown = ask("/ledger/unrated?limit=1", acme.secret).json()
    assert shown["next"] == shown["unrated"][0]["id"]
    again = send("post", f"/ledger/unrated/{first}/retry", acme.secret).json()
    assert (again["state"], again["reason"], again["attempts"]) == ("open", "no_rate", 2)
    off = f"/ledger/unrated/{second}/write-off"
    assert send("post", off, acme.secret, {"reason": ""}).status_code == 422
    gone = send("post", off, acme.secret, {"reason": "test traffic"}).json()
    assert (gone["state"], gone["note"]) == ("written_off", "test traffic")
    assert send("post", off, acme.secret, {"reason": "x"}).json()["code"] == "unrated_closed"
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/rates/decks"
    france = {**RATE, "prefix": "33"}
    new = {"name": "France", "kind": "sell", "currency": "USD", "rates": [france]}
    assert send("post", path, operator, new).status_code == 201
    assert send("post", "/ledger/unrated/retry-all", acme.secret).json()["rated"] == 1
    rated = ask("/ledger/unrated?state=rated", acme.secret).json()["unrated"]
    assert [item["id"] for item in rated] == [first]
    reader = accounts.create_api_key(acme.tenant, scopes=("ledger:read",)).secret
    assert send("post", "/ledger/unrated/retry-all", reader).status_code == 403
    bolt = populate("Bolt", 2)
    foreign = send("post", f"/ledger/unrated/{first}/retry", bolt.secret)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "unrated_not_found")


def test_the_error_queue_and_the_check_on_the_command_line(
    acme: Populated, stuck: list[str], keys: Keys
) -> None:
    tenant = public_id(Prefix.TENANT, acme.tenant)

    def run(*args: str) -> Any:
        shown = CliRunner().invoke(cli, ["ledger", *args, "--tenant", tenant])
        assert shown.exit_code == 0, shown.output
        return shown.output

    listed = {item["id"] for item in json.loads(run("unrated", "list", "--json"))}
    assert set(stuck) <= listed
    with use_keys(keys.blocking("cli")):
        assert json.loads(run("unrated", "retry", stuck[0]))["attempts"] == 2
        assert json.loads(run("unrated", "retry"))["rated"] == 0
    off = json.loads(run("unrated", "write-off", stuck[1], "--reason", "test traffic"))
    assert off["state"] == "written_off"
    report = json.loads(run("check", "--json"))
    assert (report["differences"], report["written_off"]) == ([], 1)
