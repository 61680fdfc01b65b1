"""The operator's staff in a tenant: by leave, for a reason, for a time, seen, and from where."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.people import Browser, make_member, make_user, person, sign_in
from tests.population import Populated, populate
from tests.recorded_calls import World, recorded_world, ulaw_tone

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity.bulk import BULK
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.audit import AuditSpool
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import DatabaseSettings, NodeSettings, Settings
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import use_clock

REASON = "the customer asked why calls are silent"


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    made = populate("Acme", 1)
    accounts.change_settings(made.tenant, staff_access="automatic")
    return made


@pytest.fixture
def helper(acme: Populated) -> Browser:
    user = make_user("helper@operator.example")
    make_member(user, None, "operator-support", work_location="US")
    return sign_in(user, INSTALLATION)


@pytest.fixture
def owner(acme: Populated) -> Browser:
    return person("owner", acme.tenant, "second@acme.example")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ask_for(helper: Browser, tenant: UUID, **fields: Any) -> Any:
    body = {"reason": REASON, "minutes": 30} | fields
    return helper("post", f"/tenants/{public_id(Prefix.TENANT, tenant)}/access-grants", body)


def inside(helper: Browser, tenant: UUID) -> Browser:
    return Browser(helper.client, tenant)


def test_without_a_grant_nothing_of_a_tenant_is_seen(acme: Populated, helper: Browser) -> None:
    within = inside(helper, acme.tenant)
    for path in ("/calls", f"/calls/{public_id(Prefix.CALL, acme.call)}", "/tenant", "/members"):
        assert code(within("get", path)) == (403, "access_grant_required")


def test_a_grant_opens_what_the_role_may_see_and_the_tenant_sees_who_came(
    acme: Populated, helper: Browser, owner: Browser
) -> None:
    granted = ask_for(helper, acme.tenant)
    assert (granted.status_code, granted.json()["state"]) == (201, "active")
    within, call = inside(helper, acme.tenant), public_id(Prefix.CALL, acme.call)
    assert within("get", f"/calls/{call}").status_code == 200
    assert code(within("post", "/flows", {"name": "x"})) == (403, "insufficient_scope")
    (seen, *_) = owner("get", "/access-grants").json()["grants"]
    assert (seen["staff_email"], seen["reason"], seen["state"]) == (
        "helper@operator.example", REASON, "active",
    )  # fmt: skip
    assert seen["work_location"] == "US"


def test_a_grant_ends_in_the_middle_of_a_session(acme: Populated, helper: Browser) -> None:
    ask_for(helper, acme.tenant, minutes=30)
    within = inside(helper, acme.tenant)
    start = SystemClock().now()
    for minutes, status in ((29, 200), (31, 403)):
        with use_clock(ManualClock(start + timedelta(minutes=minutes))):
            assert within("get", "/tenant").status_code == status, minutes
    assert within("get", "/tenant").status_code == 200, "it was not over yet, after all"


def test_the_tenant_approves_denies_and_revokes(
    acme: Populated, helper: Browser, owner: Browser
) -> None:
    accounts.change_settings(acme.tenant, staff_access="approve")
    within = inside(helper, acme.tenant)
    asked = ask_for(helper, acme.tenant).json()
    assert asked["state"] == "requested"
    assert code(within("get", "/tenant")) == (403, "access_grant_required")
    path = f"/access-grants/{asked['id']}"
    assert code(helper("post", f"{path}/approve")) == (403, "tenant_only"), "nobody lets oneself in"
    assert owner("post", f"{path}/approve").json()["state"] == "active"
    assert within("get", "/tenant").status_code == 200
    assert code(within("post", f"{path}/approve")) == (403, "insufficient_scope")
    assert owner("post", f"{path}/revoke").json()["state"] == "revoked"
    assert code(within("get", "/tenant")) == (403, "access_grant_required")
    assert code(owner("post", f"{path}/approve")) == (409, "access_grant_decided")
    denied = ask_for(helper, acme.tenant).json()["id"]
    assert owner("post", f"/access-grants/{denied}/deny").json()["state"] == "denied"
    assert code(owner("post", f"/access-grants/{denied}/revoke")) == (409, "access_grant_decided")
    assert code(within("get", "/tenant")) == (403, "access_grant_required")
    own = ask_for(helper, acme.tenant).json()["id"]
    assert helper("post", f"/access-grants/{own}/end").json()["state"] == "revoked"


def test_a_request_that_nobody_decides_is_over_after_a_day(
    acme: Populated, helper: Browser, owner: Browser
) -> None:
    accounts.change_settings(acme.tenant, staff_access="approve")
    asked = ask_for(helper, acme.tenant).json()["id"]
    with use_clock(ManualClock(SystemClock().now() + timedelta(hours=25))):
        late = person("owner", acme.tenant, "third@acme.example")
        answer = late("post", f"/access-grants/{asked}/approve")
        assert answer.status_code in (403, 409)
    assert code(inside(helper, acme.tenant)("get", "/tenant")) == (403, "access_grant_required")


def test_a_tenant_lets_in_nobody_or_only_from_home(acme: Populated, helper: Browser) -> None:
    accounts.change_settings(acme.tenant, staff_access="never")
    assert code(ask_for(helper, acme.tenant)) == (403, "access_refused")
    accounts.change_settings(acme.tenant, staff_access="automatic")
    abroad_user = make_user("abroad@operator.example")
    make_member(abroad_user, None, "operator-support", work_location="PH")
    abroad = sign_in(abroad_user, INSTALLATION)
    assert ask_for(abroad, acme.tenant).status_code == 201
    within = inside(abroad, acme.tenant)
    assert within("get", "/tenant").status_code == 200
    accounts.change_settings(acme.tenant, us_staff_only=True)
    assert code(within("get", "/tenant")) == (403, "location_refused"), "also of a grant in force"
    assert code(ask_for(abroad, acme.tenant)) == (403, "location_refused")
    assert ask_for(helper, acme.tenant).status_code == 201


@pytest.mark.parametrize(
    "body", [{"reason": "help"}, {"minutes": 481}, {"minutes": 0}, {"reason": " " * 20}]
)
def test_a_request_has_a_reason_and_an_end(
    body: dict[str, Any], acme: Populated, helper: Browser
) -> None:
    assert ask_for(helper, acme.tenant, **body).status_code == 422


def test_staff_do_not_know_which_tenants_there_are_beyond_the_list(
    acme: Populated, helper: Browser
) -> None:
    never = ask_for(helper, UUID(int=7))
    assert code(never) == (404, "tenant_not_found")


def test_a_grant_is_of_one_tenant_and_one_person(acme: Populated, helper: Browser) -> None:
    bolt = populate("Bolt", 2)
    ask_for(helper, acme.tenant)
    assert code(inside(helper, bolt.tenant)("get", "/tenant")) == (403, "access_grant_required")
    other = person("operator-admin", None, "admin@operator.example")
    other.tenant = acme.tenant
    assert code(other("get", "/tenant")) == (403, "access_grant_required")
    other.tenant = INSTALLATION
    member = other("get", "/staff").json()["staff"]
    gone = next(one["id"] for one in member if one["email"] == "helper@operator.example")
    assert other("delete", f"/staff/{gone}").status_code == 204
    answer = inside(helper, acme.tenant)("get", "/tenant")
    assert code(answer) == (403, "no_membership"), "a grant is worth nothing without the job"


def test_lawful_process_is_seen_by_nobody(acme: Populated) -> None:
    officer = person("lawful-process", None, "officer@operator.example")
    admin = person("operator-admin", None, "admin@operator.example")
    text = admin("get", "/staff").content.decode()
    assert "admin@operator.example" in text and "officer" not in text and "lawful" not in text
    body = {"email": "x@operator.example", "role": "lawful-process"}
    assert code(admin("post", "/staff", body)) == (422, "unknown_role")
    assert officer("get", "/me").status_code == 200
    owner = person("owner", acme.tenant, "second@acme.example")
    assert "lawful" not in owner("get", "/roles").content.decode()


def seal(uses: list[UseRecord], db: DatabaseUrls, folder: Path) -> None:
    """Put what the processes recorded into the trail, as they and ``control`` do."""
    settings = Settings(
        node=NodeSettings(data_dir=folder),
        database=DatabaseSettings(
            owner_url=db.owner,
            app_url=db.app,
            operator_url=db.operator,
            callplane_url=db.callplane,
            identity_url=db.identity,
        ),
    )
    spool = AuditSpool(settings, "web")
    for use in uses:
        spool(use)
    spool.close()
    sealer = AuditSealer(settings)
    sealer.seal()
    sealer.close()


def listen(browser: Browser, recording: str) -> Any:
    answer = browser("get", f"/recordings/{recording}/audio?track=caller")
    if answer.status_code == 200:
        answer.getvalue()
    return answer


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        yield made


@pytest.fixture
def recording(world: World) -> str:
    return world.record(ulaw_tone(440, 1), ulaw_tone(1000, 1)).id


def test_who_works_abroad_takes_no_copies(world: World, recording: str) -> None:
    for country, status in (("US", 200), ("PH", 403), ("", 403)):
        user = make_user(f"staff-{country}@operator.example")
        make_member(user, None, "operator-support", work_location=country)
        staff = sign_in(user, INSTALLATION)
        ask_for(staff, world.acme)
        within = inside(staff, world.acme)
        answer = listen(within, recording)
        assert answer.status_code == status, country
        if status == 403:
            assert answer.json()["code"] == "export_refused"
        assert within("get", f"/recordings/{recording}").status_code == 200


def test_much_content_at_once_needs_a_second_factor(world: World, recording: str) -> None:
    user = make_user("supervisor@acme.example")
    make_member(user, world.acme, "supervisor")
    weak, strong = sign_in(user, mfa=False), sign_in(user)
    for _ in range(BULK):
        assert listen(weak, recording).status_code == 200
    assert code(listen(weak, recording)) == (403, "mfa_required")
    assert weak("get", f"/recordings/{recording}").status_code == 200
    assert listen(strong, recording).status_code == 200
    world.keys.clock.advance(timedelta(hours=1, seconds=1))
    assert listen(weak, recording).status_code == 200


def test_who_looked_is_told_with_name_and_leave(
    world: World, recording: str, db: DatabaseUrls, tmp_path: Path
) -> None:
    user = make_user("helper@operator.example")
    make_member(user, None, "operator-support", work_location="US")
    staff = sign_in(user, INSTALLATION)
    grant = ask_for(staff, world.acme).json()["id"]
    assert listen(inside(staff, world.acme), recording).status_code == 200
    owner = person("owner", world.acme, "owner@acme.example")
    assert listen(owner, recording).status_code == 200
    seal(world.keys.uses, db, tmp_path)
    viewers = owner("get", f"/viewers?object={recording}").json()["viewers"]
    told = {(one["kind"], one["who"], one["reason"], one["grant"]) for one in viewers}
    assert ("staff", "helper@operator.example", REASON, grant) in told
    assert ("member", "owner@acme.example", None, None) in told
    purposes = {one["who"]: one["purpose"] for one in viewers}
    assert purposes["helper@operator.example"] == "support"
    other = person("owner", world.bolt, "owner@bolt.example")
    assert other("get", f"/viewers?object={recording}").json()["viewers"] == []
