"""Limits of one key, and of everything that a tenant asks together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api import Someone, ask, someone
from tests.oauth import program
from tests.people import person

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.ratelimit import Buckets, use_limits

START = datetime.now(UTC)
"""Not a fixed day: a session of long ago is over."""


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


@pytest.fixture
def clock(acme: Someone) -> Iterator[ManualClock]:
    clock = ManualClock(START)
    with use_clock(clock):
        yield clock


def key(acme: Someone, **how: Any) -> str:
    return accounts.create_api_key(acme.tenant, scopes=ALL_SCOPES, **how).secret


def told(answer: Any) -> tuple[int, int, int]:
    names = ("RateLimit-Limit", "RateLimit-Remaining")
    return (answer.status_code, *(int(answer.headers[name]) for name in names))


def test_a_key_has_its_own_limit(acme: Someone, clock: ManualClock) -> None:
    slow = key(acme, requests_per_minute=2)
    with use_limits(requests=6):
        assert [told(ask("get", "/tenant", slow)) for _ in range(3)] == [
            (200, 2, 1), (200, 2, 0), (429, 2, 0),
        ]  # fmt: skip
        assert ask("get", "/tenant", slow).headers["Retry-After"] == "30"
        assert told(ask("get", "/tenant", acme.secret)) == (200, 6, 5)


def test_the_tighter_of_both_is_told(acme: Someone, clock: ManualClock) -> None:
    with use_limits(requests=4, tenant_requests=6):
        one, two = key(acme), key(acme)
        assert [told(ask("get", "/tenant", one)) for _ in range(5)] == [
            (200, 4, 3), (200, 4, 2), (200, 4, 1), (200, 4, 0), (429, 4, 0),
        ], "a key that is over its own takes nothing of the others'"  # fmt: skip
        assert [told(ask("get", "/tenant", two)) for _ in range(3)] == [
            (200, 6, 1), (200, 6, 0), (429, 6, 0),
        ]  # fmt: skip
        assert ask("get", "/tenant", two).headers["Retry-After"] == "10"
        assert told(ask("get", "/tenant", someone("Bolt").secret))[0] == 200, "of this tenant alone"
        clock.advance(timedelta(seconds=10))
        assert told(ask("get", "/tenant", two)) == (200, 6, 0)


def test_keys_clients_and_people_share(acme: Someone, clock: ManualClock) -> None:
    crm, owner = program(acme.secret), person("owner", acme.tenant)
    token = crm.token()
    with use_limits(tenant_requests=5):
        assert ask("get", "/tenant", acme.secret).status_code == 200
        assert ask("get", "/tenant", token).status_code == 200
        assert owner("get", "/tenant").status_code == 200
        assert crm.ask().status_code == 200
        assert told(owner("get", "/tenant")) == (200, 5, 0)
        for answer in (
            owner("get", "/tenant"), ask("get", "/tenant", acme.secret),
            ask("get", "/tenant", token), crm.ask(),
        ):  # fmt: skip
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "12")


def test_a_manager_settles_a_tenants_limit(acme: Someone, clock: ManualClock) -> None:
    operator = accounts.create_operator_key().secret
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}"
    body = {"requests_per_minute": 2}
    changed = ask("patch", path, operator, body, If_Match="*")
    assert (changed.status_code, changed.json()["requests_per_minute"]) == (200, 2)
    owner = person("owner", acme.tenant)
    with use_limits(requests=10, tenant_requests=10):
        assert told(ask("get", "/tenant", acme.secret)) == (200, 2, 1)
        assert told(owner("get", "/tenant")) == (200, 2, 0)
        assert told(ask("get", "/tenant", acme.secret)) == (429, 2, 0)
    named = ask("patch", path, operator, {"name": "Acme Ltd"}, If_Match="*").json()
    assert named["requests_per_minute"] == 2, "what is left out stays"
    freed = ask("patch", path, operator, {"requests_per_minute": None}, If_Match="*").json()
    assert (freed["requests_per_minute"], freed["name"]) == (None, "Acme Ltd")
    answer = ask("patch", path, acme.secret, body, If_Match="*")
    assert answer.status_code in (403, 404), "nobody manages themselves"


def test_no_reseller_gives_more_than_it_has(db: DatabaseUrls) -> None:
    reseller = accounts.create_tenant("Reseller", kind="reseller").id
    secret = accounts.create_api_key(reseller, scopes=ALL_SCOPES).secret
    customer = accounts.create_tenant("Customer", manager=reseller).id
    path = f"/tenants/{public_id(Prefix.TENANT, customer)}"
    with use_limits(tenant_requests=100):
        assert (
            ask("patch", path, secret, {"requests_per_minute": 100}, If_Match="*").status_code
            == 200
        )
        for own, wanted in ((None, 101), (50, 51)):
            accounts.limit_tenant(reseller, own)
            answer = ask("patch", path, secret, {"requests_per_minute": wanted}, If_Match="*")
            assert (answer.status_code, answer.json()["code"]) == (422, "limit_too_high")


def test_no_key_may_more_than_its_tenant_or_its_maker(acme: Someone) -> None:
    body = {"name": "x", "scopes": ["tenant:read"]}
    slow = key(acme, requests_per_minute=50)
    owner = person("owner", acme.tenant)
    with use_limits(requests=100, tenant_requests=200):
        for path in ("/keys", "/clients"):
            for maker, wanted, code in (
                (acme.secret, 100, None), (acme.secret, 101, "grant_refused"),
                (slow, 50, None), (slow, 51, "grant_refused"), (slow, None, "grant_refused"),
            ):  # fmt: skip
                answer = ask("post", path, maker, body | {"requests_per_minute": wanted})
                assert answer.json().get("code") == code, (path, wanted, answer.content)
            assert owner("post", path, body | {"requests_per_minute": 200}).status_code == 201
            answer = owner("post", path, body | {"requests_per_minute": 201})
            assert (answer.status_code, answer.json()["code"]) == (422, "limit_too_high")
            made = ask("post", path, slow, body | {"requests_per_minute": 5}).json()
            for wanted in (51, None):
                change = {"requests_per_minute": wanted}
                answer = ask("patch", f"{path}/{made['id']}", slow, change, If_Match="*")
                assert answer.json()["code"] == "grant_refused"
            answer = owner(
                "patch", f"{path}/{made['id']}", {"requests_per_minute": None}, If_Match="*"
            )
            assert answer.json()["requests_per_minute"] is None
        accounts.limit_tenant(acme.tenant, 70)
        answer = ask("post", "/keys", acme.secret, body | {"requests_per_minute": 71})
        assert answer.json()["code"] == "limit_too_high"


@given(
    size=st.integers(1, 50),
    waits=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=120),
)
def test_no_bucket_gives_more_than_it_holds_and_gets(size: int, waits: list[float]) -> None:
    """Whenever it is asked: its content once, and its rate for the time since."""
    clock = ManualClock(START)
    with use_clock(clock):
        buckets, served, waited = Buckets(7), 0, 0.0
        for wait in waits:
            served += buckets.take("owner", size).retry_after_seconds == 0
            assert served <= size + waited * size / 60 + 1e-6
            clock.advance(timedelta(seconds=wait))
            waited += wait
