"""A tenant chooses how long its data is kept, within what the policy allows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api import Someone, ask, someone
from tests.people import Browser, person

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import RetentionOutOfBounds
from ringfence.domains.accounts.models import Settings
from ringfence.domains.accounts.retention import retention_choices
from ringfence.domains.policy import api as policy
from ringfence.domains.policy import queries
from ringfence.domains.policy.contracts import Draft, VersionInfo
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.tenancy import across_tenants
from ringfence.policies.profiles import load_profile

ANY = {"If_Match": "*"}
RECORDINGS = {
    "days": 90,
    "chosen": None,
    "clamped": False,
    "installed": 90,
    "least": 1,
    "most": 731,
}
RECORDS = {
    "days": 550,
    "chosen": None,
    "clamped": False,
    "installed": 550,
    "least": 550,
    "most": 550,
}


@pytest.fixture
def owner(db: DatabaseUrls) -> Browser:
    return person("owner", someone().tenant)


def test_a_tenant_reads_what_it_may_choose(owner: Browser) -> None:
    answer = owner("get", "/retention")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "call_records": RECORDS,
        "recordings": RECORDINGS,
        "customer_recordings": RECORDINGS,
    }


def test_it_chooses_and_takes_back_for_itself_alone(owner: Browser) -> None:
    other = person("owner", someone("Bolt").tenant)
    etag = owner("get", "/retention")["ETag"]
    changed = owner("patch", "/retention", {"recordings": 30}, If_Match=etag)
    assert changed.status_code == 200, changed.content
    assert changed.json()["recordings"] == {**RECORDINGS, "days": 30, "chosen": 30}
    assert changed.json()["customer_recordings"] == RECORDINGS
    assert owner("get", "/retention").json() == changed.json()
    assert other("get", "/retention").json()["recordings"] == RECORDINGS
    assert owner.tenant is not None
    assert other.tenant is not None
    found = retention_choices()
    assert (found[owner.tenant], found[other.tenant]) == ({"recordings": 30}, {})
    assert owner("patch", "/retention", {"recordings": 1}, If_Match=etag).status_code == 412
    assert owner("patch", "/retention", {"customer_recordings": 731}, **ANY).status_code == 200
    back = owner("patch", "/retention", {"recordings": None}, **ANY).json()
    assert (back["recordings"], back["customer_recordings"]["chosen"]) == (RECORDINGS, 731)


@pytest.mark.promise("CTX-04.B-04")
@pytest.mark.parametrize(
    ("rule", "days"),
    [("recordings", 732), ("customer_recordings", 36_500), ("call_records", 549),
     ("call_records", 551)],
)  # fmt: skip
def test_what_the_policy_does_not_allow_is_refused(owner: Browser, rule: str, days: int) -> None:
    before = owner("get", "/retention").json()
    answer = owner("patch", "/retention", {"recordings": 7, rule: days}, **ANY)
    assert (answer.status_code, answer.json()["code"]) == (422, "retention_out_of_bounds")
    assert answer.json()["details"]["rule"] == rule
    assert owner("get", "/retention").json() == before


@pytest.mark.parametrize("body", [{"recordings": 0}, {"invitations": 9}, {"recordings": "long"}])
def test_what_is_no_choice_is_refused(owner: Browser, body: dict[str, object]) -> None:
    assert owner("patch", "/retention", body, **ANY).status_code == 422


def test_who_may(db: DatabaseUrls) -> None:
    acme = someone()
    assert ask("get", "/retention", acme.secret).status_code == 200
    assert ask("get", "/retention", None).status_code == 401
    refused = ask("patch", "/retention", acme.secret, {"recordings": 30}, **ANY)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    stale = person("owner", acme.tenant, age_seconds=3600)
    answer = stale("patch", "/retention", {"recordings": 30}, **ANY)
    assert answer.json()["code"] == "step_up_required"
    agent = person("agent", acme.tenant)
    assert agent("patch", "/retention", {"recordings": 30}, **ANY).status_code == 403


@pytest.mark.promise("CTX-04.B-04")
def test_the_bounds_are_those_of_the_version_that_binds(
    db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    with use_clock(time):
        acme = someone()
        publish("sip-carrier")
        assert shown(acme) == {**RECORDINGS, "most": 36_500}
        choose(acme, 2000)
        assert held(acme) == {"recordings": 2000}
        narrow = in_force(time, "strict")
        assert narrow.needs_consent
        assert held(acme) == {"recordings": 2000}  # the old terms hold on until it accepts
        policy.accept_version(acme.tenant, narrow.number, actor="test")
        clamped = {**RECORDINGS, "days": 731, "chosen": 2000, "clamped": True}
        assert shown(acme) == clamped
        assert held(acme) == {"recordings": 731}
        with pytest.raises(RetentionOutOfBounds):
            choose(acme, 732)
        accounts.choose_retention(acme.tenant, {"call_records": None})
        assert shown(acme) == clamped
        again = in_force(time, "sip-carrier")
        policy.accept_version(acme.tenant, again.number, actor="test")
        assert held(acme) == {"recordings": 2000}
        assert shown(acme)["clamped"] is False
        with monkeypatch.context() as changed:
            changed.setattr(queries, "profile_hash", lambda profile: "other values by now")
            assert shown(acme) == clamped
        choose(acme, 30)
        assert held(acme) == {"recordings": 30}


def shown(who: Someone) -> dict[str, Any]:
    return dict(ask("get", "/retention", who.secret).json()["recordings"])


def choose(who: Someone, days: int) -> None:
    accounts.choose_retention(who.tenant, {"recordings": days})


def in_force(time: ManualClock, profile: str) -> VersionInfo:
    version = publish(profile)
    time.advance(version.effective_at - time.now())
    return version


def publish(profile: str) -> VersionInfo:
    draft = Draft(frozenset({"SIP-08.2-01"}), "1", 1)
    return policy.publish(draft, load_profile(profile), lambda head: "<p>", actor="test")


def held(who: Someone) -> dict[str, int]:
    """What the next sweep ends by, and what then stands in the row."""
    found = retention_choices()[who.tenant]
    with across_tenants("test") as alias:
        assert Settings.objects.using(alias).get(tenant_id=who.tenant).retention == found
    return found
