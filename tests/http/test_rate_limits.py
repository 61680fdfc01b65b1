"""How often a client may ask, and what it is told about that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.api import Someone, ask, someone

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import ratelimit
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.ratelimit import Buckets, use_limits

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def told(answer: Any) -> tuple[int, str, str, str]:
    headers = answer.headers
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    return (answer.status_code, *(headers[name] for name in names))


def test_a_key_has_its_tokens_and_they_come_back(acme: Someone) -> None:
    other = accounts.create_api_key(acme.tenant).secret
    clock = ManualClock(START)
    with use_clock(clock), use_limits(requests=6):
        for left in (5, 4, 3, 2, 1, 0):
            answer = ask("get", "/tenant", acme.secret)
            assert told(answer) == (200, "6", str(left), str(10 * (6 - left)))
        refused = ask("get", "/tenant", acme.secret)
        assert told(refused) == (429, "6", "0", "60")
        assert refused.json()["code"] == "rate_limited"
        assert refused.headers["Retry-After"] == "10"
        assert ask("get", "/tenant", other).status_code == 200, "each key has its own"
        clock.advance(timedelta(seconds=9))
        again = ask("get", "/tenant", acme.secret)
        assert (again.status_code, again.headers["Retry-After"]) == (429, "1")
        clock.advance(timedelta(seconds=1))
        assert told(ask("get", "/tenant", acme.secret)) == (200, "6", "0", "60")
        clock.advance(timedelta(minutes=5))
        assert told(ask("get", "/tenant", acme.secret)) == (200, "6", "5", "10")


def test_every_answer_to_a_key_tells(acme: Someone) -> None:
    weak = accounts.create_api_key(acme.tenant, scopes=("tenant:read",)).secret
    for verb, path, key, status in (
        ("get", "/calls/CA12", acme.secret, 422), ("get", "/keys/SK" + "0" * 32, acme.secret, 404),
        ("get", "/keys", weak, 403), ("get", "/plans", acme.secret, 403),
        ("post", "/keys", acme.secret, 400), ("get", "/tenant", "rfk_wrong", 401),
        ("get", "/tenant", None, 401),
    ):  # fmt: skip
        answer = ask(verb, path, key)
        assert answer.status_code == status, (path, answer.content)
        assert int(answer.headers["RateLimit-Remaining"]) < int(answer.headers["RateLimit-Limit"])
    assert "RateLimit-Limit" not in ask("get", "/health", None).headers


def test_failures_are_counted_by_address_and_lock_nobody_out(acme: Someone) -> None:
    clock = ManualClock(START)
    with use_clock(clock), use_limits(failures=3):
        for key in ("rfk_wrong", None, acme.secret[:-3] + "AAA"):
            assert ask("get", "/tenant", key).status_code == 401
        for key in ("rfk_wrong", None):
            answer = ask("get", "/tenant", key)
            assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
            assert answer.headers["Retry-After"] == "20"
        assert ask("get", "/tenant", acme.secret).status_code == 200
        clock.advance(timedelta(seconds=20))
        assert ask("get", "/tenant", None).status_code == 401


def test_buckets_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """By age, or an address range that is walked through fills the memory."""
    clock = ManualClock(START)
    with use_clock(clock):
        buckets = Buckets(2)
        for owner in range(50):
            buckets.take(owner)
            clock.advance(timedelta(seconds=1))
        clock.advance(timedelta(seconds=15))
        assert buckets.take("new").remaining == 1
        assert len(buckets._known) == 45, "those of the last minute"
        monkeypatch.setattr(ratelimit, "_MOST_BUCKETS", 10)
        buckets.take("one more")
        assert len(buckets._known) == 10


def test_a_suspended_tenants_key_is_no_guess(acme: Someone) -> None:
    accounts.change_tenant(acme.tenant, status="suspended")
    with use_limits(failures=1):
        for _ in range(3):
            assert ask("get", "/tenant", acme.secret).status_code == 403
