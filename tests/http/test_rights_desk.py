"""The privacy officer's desk, as browsers see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.people import Browser, make_member, make_user, sign_in
from tests.recorded_calls import World, recorded_world
from tests.rights import both_ways, create, get, verify

from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        both_ways(made)
        yield made


def officer(world: World, email: str, role: str = "owner", **how: Any) -> Browser:
    user = make_user(email)
    make_member(user, world.acme, role)
    return sign_in(user, world.acme, **how)


def page(browser: Browser, path: str = "", data: dict[str, str] | None = None) -> Any:
    url = f"/accounts/rights/{path}"
    if data is None:
        return browser.client.get(url)
    return browser.client.post(url, data)


def test_it_lists_what_is_open_and_works_it(world: World) -> None:
    key, desk = world.key(), officer(world, "owner@acme.example")
    made = create(key)
    listed = page(desk).content.decode()
    assert made["id"] in listed
    assert "on time" in listed
    detail = page(desk, f"{made['id']}/").content.decode()
    assert made["person"] in detail
    assert page(desk, f"{made['id']}/extend/", {"reason": "complexity"}).status_code == 302
    assert get(key, made)["extended_until"]
    assert page(desk, f"{made['id']}/verify/", {"reason": "photo_id"}).status_code == 302
    done = get(key, made)
    assert (done["state"], done["method"]) == ("verified", "photo_id")
    assert done["verified_by"].startswith("user:")


def test_who_refused_does_not_decide_of_the_appeal(world: World) -> None:
    key = world.key()
    one, two = officer(world, "one@acme.example"), officer(world, "two@acme.example")
    made = create(key)
    page(one, f"{made['id']}/refuse/", {"reason": "unfounded"})
    assert get(key, made)["state"] == "refused"
    from tests.rights import ask

    appeal = ask(f"/rights-requests/{made['id']}/appeal", key, {}).json()
    verify(key, appeal)
    page(one, f"{appeal['id']}/grant/", {})
    assert get(key, appeal)["state"] == "running"
    page(two, f"{appeal['id']}/reject/", {"reason": "unfounded"})
    assert get(key, appeal)["state"] == "refused"


def test_it_is_for_those_who_may_alone(world: World) -> None:
    made = create(world.key())
    path = f"{made['id']}/"
    agent = officer(world, "agent@acme.example", "agent")
    assert page(agent).status_code == 403
    assert page(agent, f"{path}refuse/", {"reason": "unfounded"}).status_code == 403
    weak = officer(world, "weak@acme.example", mfa=False)
    assert "/accounts/secure/" in page(weak).headers["Location"]
    old = officer(world, "old@acme.example", age_seconds=7200)
    assert "reauthenticate" in page(old).headers["Location"]
    user = make_user("owner@bolt.example")
    make_member(user, world.bolt, "owner")
    foreign = sign_in(user, world.bolt)
    assert page(foreign, path).status_code == 404
    named = f"?tenant={public_id(Prefix.TENANT, world.acme)}"
    assert page(foreign, named).status_code == 403
    from django.test import Client

    assert "/accounts/login/" in Client().get("/accounts/rights/").headers["Location"]
    assert get(world.key(), made)["state"] == "received"
