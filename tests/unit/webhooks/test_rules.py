"""Signatures, back-off, and what an endpoint may be: by hand, without a database."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.webhooks.conftest import verify

from ringfence.domains.webhooks.contracts import InvalidWebhook
from ringfence.domains.webhooks.rules.schedule import Outcome, given_up, next_attempt, outcome
from ringfence.domains.webhooks.rules.signature import secret_text, signature_headers
from ringfence.domains.webhooks.rules.validation import (
    PersonalValueRefused,
    check_data,
    check_events,
    check_url,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_example_that_implementations_of_the_standard_share() -> None:
    headers = signature_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(max_size=500), st.integers(0, 2**33))
def test_whoever_has_either_secret_verifies_and_nobody_else(body: bytes, at: int) -> None:
    new, old, other = (secret_text(os.urandom(32)) for _ in range(3))
    headers = signature_headers("WD1", at, body, [new, old])
    assert verify(new, headers, body)
    assert verify(old, headers, body)
    assert not verify(other, headers, body)
    assert not verify(new, headers, body + b" ")
    assert not verify(new, {**headers, "webhook-id": "WD2"}, body)
    assert not verify(new, {**headers, "webhook-timestamp": str(at + 1)}, body)


def test_ten_retries_in_a_day_and_then_none() -> None:
    waits = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600, 36000)
    for attempts, seconds in enumerate(waits, 1):
        assert next_attempt(attempts, NOW, 0.5) == NOW + timedelta(seconds=seconds)
        soonest, latest = next_attempt(attempts, NOW, 0.0), next_attempt(attempts, NOW, 1.0)
        assert soonest == NOW + timedelta(seconds=seconds * 0.9)
        assert latest == NOW + timedelta(seconds=seconds * 1.1)
    assert next_attempt(11, NOW, 0.5) is None
    assert timedelta(hours=23) < timedelta(seconds=sum(waits)) < timedelta(hours=25)


def test_what_answers_mean() -> None:
    for status in (200, 201, 202, 204, 299):
        assert outcome(status) is Outcome.DELIVERED
    for other in (None, 100, 199, 300, 301, 302, 307, 400, 404, 409, 429, 500, 503):
        assert outcome(other) is Outcome.FAILED
    assert outcome(410) is Outcome.GONE


def test_five_days_of_failure_are_enough() -> None:
    assert not given_up(None, NOW)
    assert not given_up(NOW - timedelta(days=4, hours=23), NOW)
    assert given_up(NOW - timedelta(days=5), NOW)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:8443/hook?x=1",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    ],
)
def test_urls_that_may_be(url: str) -> None:
    check_url(url, plain_http=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "http://example.com/",
        "ftp://example.com/",
        "https:///hook",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://example.com\\@evil.com/",
        "https://example.com/#part",
        "https://[::1",
        "javascript:alert(1)",
        "https://example.com/" + "x" * 2048,
    ],
)
def test_urls_that_may_not_be(url: str) -> None:
    with pytest.raises(InvalidWebhook) as refused:
        check_url(url, plain_http=False)
    assert refused.value.details["field"] == "url"


def test_types_are_known_and_each_once() -> None:
    assert check_events(["call.ended", "call.started", "call.ended"]) == (
        "call.started",
        "call.ended",
    )
    assert check_events(["call.ended", "*"]) == ("*",)
    for wrong in ([], ["call.exploded"], ["webhook.test"], ["call.ended", ""]):
        with pytest.raises(InvalidWebhook):
            check_events(wrong)


@pytest.mark.parametrize(
    "value",
    ["+14155550123", "14155550123", "(415)555-0123", "a@b.example", "sip:bob@host", "Jane Doe", ""],
)
def test_what_may_be_a_personal_value_does_not_enter_the_outbox(value: str) -> None:
    check_data({"call": "CA" + "1" * 32, "seq": 3, "currency": "USD", "low": True, "x": None})
    with pytest.raises(PersonalValueRefused):
        check_data({"call": "CA" + "1" * 32, "value": value})
