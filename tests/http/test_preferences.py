"""Preferences of visitors of hosted pages: equal buttons, no cookie before a choice, the signal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.consent.inventory import inventory
from ringfence.domains.consent.rules.cookies import Category, decide, read, spelled
from ringfence.domains.policy import api
from ringfence.domains.policy.contracts import Draft
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock
from ringfence.policies.profiles import load_profile

PAGE = "/policy/preferences/"
COOKIE = "ringfence_choices"


def publish(profile: str) -> None:
    """As if it had held for long."""
    with use_clock(ManualClock(datetime(2026, 3, 1, tzinfo=UTC))):
        draft = Draft(frozenset({"SIP-08.2-01"}), "1", 1)
        api.publish(draft, load_profile(profile), lambda head: "<p>", actor="test")


@pytest.fixture
def visitor(db: DatabaseUrls) -> Client:
    return Client()


def see(visitor: Client, path: str = PAGE, **headers: str) -> str:
    answer = visitor.get(path, headers={"Accept": "text/html"} | headers)
    assert answer.status_code == 200, answer.content[:500]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.content.decode()
    return answer.content.decode()


def choose(visitor: Client, body: dict[str, str], **headers: str) -> Any:
    return visitor.post(PAGE, body, headers=headers)


def allowed(html: str) -> dict[str, bool]:
    """What the page shows as chosen."""
    return {
        name: value == "on"
        for name, value in re.findall(r'name="(\w+)" value="(on|off)" checked', html)
    }


@pytest.mark.parametrize("profile", [None, "strict", "cca-voice-ai"])
def test_where_nothing_is_used_nothing_is_asked(visitor: Client, profile: str | None) -> None:
    if profile is not None:
        publish(profile)
    assert "There is nothing to choose" in see(visitor)
    assert "cookie-banner" not in see(visitor, "/policy/board/")
    assert choose(visitor, {"every": "accept"}).status_code == 303
    assert not visitor.cookies


def test_nothing_is_set_before_a_choice_and_then_the_choice_alone(visitor: Client) -> None:
    publish("sip-carrier")
    assert "cookie-banner" in see(visitor, "/policy/board/")
    assert allowed(see(visitor)) == {"functional": False, "analytics": False}
    assert not visitor.cookies
    answer = choose(visitor, {"functional": "on", "analytics": "off", "ads": "on", "x": "on"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}?saved=1")
    assert set(visitor.cookies) == {COOKIE}
    kept = visitor.cookies[COOKIE]
    assert kept.value == "functional-yes.analytics-no"
    assert (kept["httponly"], kept["samesite"], kept["path"]) == (True, "Lax", "/policy/")
    assert kept["max-age"] == 180 * 86_400
    assert allowed(see(visitor)) == {"functional": True, "analytics": False}
    assert "cookie-banner" not in see(visitor, "/policy/board/")
    choose(visitor, {"every": "refuse"})
    assert allowed(see(visitor)) == {"functional": False, "analytics": False}
    choose(visitor, {"every": "accept"})
    assert allowed(see(visitor)) == {"functional": True, "analytics": True}


def test_yes_and_no_are_the_same_button(visitor: Client) -> None:
    publish("sip-carrier")
    pattern = r'<button class="([^"]+)" type="submit" name="every" value="(accept|refuse)">'
    for path in (PAGE, "/policy/board/"):
        buttons = re.findall(pattern, see(visitor, path))
        assert [value for _, value in buttons] == ["accept", "refuse"]
        assert len({look for look, _ in buttons}) == 1


@pytest.mark.parametrize("profile", ["clx-contact-center", "sip-carrier"])
def test_the_signal_is_a_no_that_shows(visitor: Client, profile: str) -> None:
    publish(profile)
    silent = allowed(see(visitor))
    assert silent.get("analytics") is (profile == "clx-contact-center")
    html = see(visitor, **{"Sec-GPC": "1"})
    assert "Your browser asks us not to sell or share your data" in html
    assert True not in allowed(html).values()
    choose(visitor, {"every": "accept"})
    html = see(visitor, **{"Sec-GPC": "1"})
    assert "ads" not in allowed(html), "no choice overrules the signal"
    assert allowed(html)["analytics"]
    for other in ("0", "true", "1, 1", ""):
        assert "Your browser does not send this signal" in see(visitor, **{"Sec-GPC": other})


def test_the_support_resource() -> None:
    answer = Client().get("/.well-known/gpc.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    said = answer.json()
    assert said["gpc"] is True
    assert datetime.fromisoformat(said["lastUpdate"])


def test_a_form_of_another_site_chooses_nothing(visitor: Client) -> None:
    publish("sip-carrier")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert choose(visitor, {"every": "accept"}, **headers).status_code == 403
    assert not visitor.cookies
    assert choose(visitor, {"every": "accept"}, Origin="http://testserver").status_code == 303
    assert visitor.put(PAGE).status_code == 405


@pytest.mark.promise("CLX-09.0-05")
def test_without_cookies_everything_works(db: DatabaseUrls) -> None:
    publish("sip-carrier")
    for path in ("/policy/", "/policy/versions/", "/policy/versions/1/", "/policy/board/", PAGE):
        assert Client().get(path).status_code == 200
    refused = choose(Client(), {"every": "refuse"})
    assert refused.status_code == 303
    html = see(Client(), refused.headers["Location"])
    assert "Your browser keeps no cookies" in html
    assert True not in allowed(html).values()


@pytest.mark.promise("SIP-06.2-03")
def test_each_cookie_is_explained(visitor: Client) -> None:
    publish("sip-carrier")
    html = see(visitor)
    named = {one.name: one for one in inventory()}
    assert set(named) == {
        settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.DEVICE_COOKIE_NAME,
        COOKIE,
    }  # fmt: skip
    for one in named.values():
        assert len(one.purpose.split()) > 3 and one.kept
        assert one.name in html and one.purpose.replace("'", "&#x27;") in html
    source = re.findall(r"<legend>(\w+)</legend>\s*<p>([^<]+)</p>", html)
    assert [title for title, _ in source] == ["Preferences", "Analytics", "Advertising"]
    assert all(len(says.split()) > 3 for _, says in source)


@given(st.dictionaries(st.sampled_from(Category), st.booleans()))
def test_a_choice_is_read_as_it_was_kept(chosen: dict[Category, bool]) -> None:
    assert read(spelled(chosen)) == chosen


@given(st.text(max_size=60), st.booleans(), st.sampled_from(["strict", "sip-carrier"]))
def test_what_is_not_understood_allows_nothing(text: str, signal: bool, profile: str) -> None:
    chosen = read(text)
    for one in decide(load_profile(profile), chosen, signal=signal):
        assert not one.on or chosen[one.category]
