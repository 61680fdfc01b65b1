"""Wallet and ledger over REST and on the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import Reference
from ringfence.entry.cli import cli
from ringfence.kernel.ids import Prefix, public_id
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls


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
