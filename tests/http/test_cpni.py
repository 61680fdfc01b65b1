"""A customer's call detail is told to who proved to be the customer, and to nobody else."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.api import ask
from tests.cpni import CALLER, World, call_at, make_customer
from tests.keys_fixture import Keys
from tests.people import make_member, make_user, sign_in

from ringfence.domains.accounts import api as accounts
from ringfence.domains.compliance import api as compliance
from ringfence.domains.compliance.contracts import Changed
from ringfence.domains.compliance.usecases import notify, send_by_mail
from ringfence.domains.numbers import api as numbers
from ringfence.domains.privacy import api as privacy
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.audit import AuditSpool
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.keys import use_keys
from ringfence.platform_django.ratelimit import use_limits
from ringfence.platform_django.use import using

PASSWORD, ANSWER = "purple otter rain", "gazpacho"
OLD, NEW = "jane@acme.example", "fresh@new.example"
ADDRESS, ELSEWHERE = "12 Elm Street, Springfield, IL 62704", "9 Oak Road, Reno, NV 89501"
DAY = timedelta(days=1)


@pytest.fixture
def world(db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    manual = ManualClock(datetime.now(UTC))
    mails: list[tuple[str, str, str]] = []
    for module in (notify, send_by_mail):
        monkeypatch.setattr(module, "queue_mail", lambda *mail: mails.append(mail))
    with use_clock(manual), use_limits():
        tenant, number_id, owner = make_customer("Acme", "+12025550143")
        made = World(tenant, "+12025550143", number_id, owner, manual, mails)
        for _ in range(3):
            made.calls.append(call_at(made))
            manual.advance(timedelta(hours=3))
        yield made


def test_a_password_opens_one_case_for_a_quarter_of_an_hour(world: World, db: DatabaseUrls) -> None:
    world.set("/password", {"password": PASSWORD})
    case, other = world.case(), world.case()
    assert world.refused(case)
    assert world.state(case, "password", {"password": "yellow camel sun"}) == "password_failed"
    assert world.refused(case)
    right = {"password": "Purple-Otter, RAIN!"}
    assert world.state(case, "password", right) == "authenticated_by_password"
    answer = world.listed(case)
    assert answer.status_code == 200, answer.content
    assert [one["id"] for one in answer.json()["calls"]] == [
        public_id(Prefix.CALL, call) for call in reversed(world.calls)
    ]
    assert {one["from_number"] for one in answer.json()["calls"]} == {CALLER}
    assert world.refused(other), "of this case alone"
    world.clock.advance(timedelta(minutes=14, seconds=59))
    assert not world.refused(case)
    world.clock.advance(timedelta(seconds=1))
    assert world.refused(case)
    again = world.do(case, "password", right)
    assert (again.status_code, again.json()["details"]) == (409, {"state": "expired"})
    with psycopg.connect(db.owner) as connection:
        row = connection.execute("SELECT c::text FROM compliance_account c").fetchone()
    assert row is not None and "purple" not in row[0].lower()


def test_a_closed_case_tells_nothing(world: World) -> None:
    world.set("/password", {"password": PASSWORD})
    case = world.case()
    assert world.state(case, "password", {"password": PASSWORD}) == "authenticated_by_password"
    assert world.state(case, "close") == "closed"
    assert world.refused(case)


def test_what_is_not_set_proves_nothing(world: World) -> None:
    case = world.case()
    for what, body in (
        ("password", {"password": ""}),
        ("password", {"password": " "}),
        ("password", {"password": "anything"}),
        ("backup", {"answer": "anything"}),
        ("contract", None),
        ("photo-id", None),
        ("callback/confirm", {"code": "000000"}),
        ("callback/place", None),
        ("letter", None),
    ):
        assert world.do(case, what, body).status_code in (409, 422), what
        assert world.refused(case)


def test_five_wrong_secrets_lock_the_account_and_staff_cannot_lift_it(world: World) -> None:
    world.set("/password", {"password": PASSWORD})
    world.set("/backup", {"question": "refused_dish", "answer": ANSWER})
    first, second = world.case(), world.case()
    for count in range(4):
        path, body = (
            ("password", {"password": "wrong one here"})
            if count % 2
            else ("backup", {"answer": "no"})
        )
        case = first if count < 2 else second
        assert world.state(case, path, body).endswith("_failed")
    assert world.state(second, "password", {"password": "wrong again"}) == "locked"
    world.clock.advance(timedelta(minutes=14))
    for case in (first, world.case()):
        for path, body in (("password", {"password": PASSWORD}), ("backup", {"answer": ANSWER})):
            answer = world.do(case, path, body)
            assert answer.status_code == 409 or answer.json()["state"] == "locked"
            assert world.refused(case)
    admin = world.support("root", "operator-admin")
    found = admin("get", f"/tenants/{public_id(Prefix.TENANT, world.tenant)}/cpni").json()
    assert found["locked_until"] is not None
    world.clock.advance(timedelta(minutes=1))
    assert world.refused(second), "a locked case stays so"
    case = world.case()
    assert world.state(case, "backup", {"answer": "GAZPACHO"}) == "authenticated_by_backup"
    assert not world.refused(case)


def test_a_call_back_takes_two_and_the_number_of_record(world: World) -> None:
    world.contacts(OLD, world.number)
    case = world.case()
    ordered = world.do(case, "callback").json()
    assert (ordered["case"]["state"], ordered["number"]) == ("callback_ordered", "+1********43")
    same = world.do(case, "callback/place")
    assert (same.status_code, same.json()["code"]) == (409, "cpni_same_person")
    placed = world.do(case, "callback/place", name="bob").json()
    assert placed["number"] == world.number
    assert re.fullmatch("[0-9]{6}", placed["code"])
    knows = world.do(case, "callback/confirm", {"code": placed["code"]}, name="bob")
    assert (knows.status_code, knows.json()["code"]) == (409, "cpni_same_person")
    assert world.refused(case)
    wrong = f"{(int(placed['code']) + 1) % 10**6:06}"
    assert world.state(case, "callback/confirm", {"code": wrong}) == "callback_placed"
    assert placed["code"] not in world.support()("get", f"/cpni/cases/{case}").content.decode()
    right = {"code": placed["code"]}
    assert world.state(case, "callback/confirm", right) == "callback_confirmed"
    assert not world.refused(case)


def test_a_code_ends_after_three_tries_or_ten_minutes(world: World) -> None:
    world.contacts(None, world.number)
    for wait, tries in ((timedelta(0), 3), (timedelta(minutes=10), 0)):
        case = world.case()
        world.do(case, "callback")
        code = world.do(case, "callback/place", name="bob").json()["code"]
        wrong = f"{(int(code) + 1) % 10**6:06}"
        states = [world.state(case, "callback/confirm", {"code": wrong}) for _ in range(tries)]
        assert states == ["callback_placed", "callback_placed", "callback_failed"][:tries]
        world.clock.advance(wait)
        late = world.do(case, "callback/confirm", {"code": code})
        assert (late.status_code, late.json()["details"]) == (409, {"state": "callback_failed"})
        assert world.do(case, "callback").status_code == 409
        assert world.refused(case)


def test_only_what_is_long_on_file_is_called_or_written_to(world: World) -> None:
    world.clock.advance(60 * DAY)
    world.contacts(NEW, world.number)
    since, until = (world.clock.now() - 90 * DAY).isoformat(), world.clock.now().isoformat()
    mail = {"via": "email", "since": since, "until": until}

    def tried() -> list[tuple[int, str | None]]:
        answers = [world.do(world.case(), "callback"), world.do(world.case(), "mail", mail)]
        return [(one.status_code, one.json().get("code")) for one in answers]

    assert tried() == [(409, "cpni_not_of_record")] * 2
    world.clock.advance(30 * DAY - timedelta(seconds=1))
    assert tried() == [(409, "cpni_not_of_record")] * 2
    assert not [mail for mail in world.mails if "calls" in mail[1]]
    world.clock.advance(timedelta(seconds=1))
    assert tried() == [(200, None)] * 2
    numbers.release_number(world.tenant, world.number_id)
    assert tried() == [(409, "cpni_not_of_record"), (200, None)]


def test_the_number_of_record_is_one_of_the_service(world: World) -> None:
    for body in (
        {"email": None, "number": "+14155550199", "address": None},
        {"email": "nobody", "number": None, "address": None},
        {"email": None, "number": None, "address": "here"},
    ):
        answer = world.customer("put", "/cpni/account", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "cpni_invalid_contact")


def test_what_is_mailed_is_not_told(world: World) -> None:
    world.contacts(OLD)
    case = world.case()
    period = {
        "since": (world.clock.now() - DAY).isoformat(),
        "until": world.clock.now().isoformat(),
    }
    answer = world.do(case, "mail", {"via": "email", **period})
    assert answer.json()["state"] == "mailed", answer.content
    assert CALLER not in answer.content.decode()
    ((to, _, text),) = world.mails
    assert to == OLD
    assert text.count(CALLER) == 3 and world.number in text
    assert world.refused(case)
    assert world.do(case, "password", {"password": PASSWORD}).status_code == 409
    (told,) = world.support()("get", f"/cpni/cases/{case}").json()["disclosures"]
    assert (told["kind"], len(told["calls"])) == ("mailed", 3)


def test_a_letter_is_posted_by_somebody_else(world: World) -> None:
    world.contacts(None, None, ADDRESS)
    case = world.case()
    period = {
        "since": (world.clock.now() - DAY).isoformat(),
        "until": world.clock.now().isoformat(),
    }
    assert world.state(case, "mail", {"via": "post", **period}) == "mail_ordered"
    assert world.refused(case)
    same = world.do(case, "letter")
    assert (same.status_code, same.json()["code"]) == (409, "cpni_same_person")
    letter = world.do(case, "letter", name="bob").json()
    assert (letter["case"]["state"], letter["address"]) == ("mailed", ADDRESS)
    assert letter["text"].count(CALLER) == 3
    assert world.do(case, "letter", name="bob").status_code == 409, "once"
    assert world.refused(case)


def test_what_the_caller_names_is_discussed_and_no_more(world: World) -> None:
    other = call_at(world, "+13125550123")
    at = world.clock.now()
    world.clock.advance(timedelta(hours=2))
    case = world.case()

    def named(number: str, when: datetime) -> Any:
        return world.do(
            case, "named-calls", {"number": number, "started_at": when.isoformat()}
        ).json()

    found = named("+13125550123", at + timedelta(minutes=59))["calls"]
    assert [set(one) for one in found] == [{"id", "direction", "number", "started_at"}]
    assert found[0]["id"] == public_id(Prefix.CALL, other)
    assert named("+13125550123", at + timedelta(minutes=61)) == {"calls": []}
    assert named(world.number, at) == {"calls": []}, "one's own number names no call"
    assert named("+13125550124", at) == {"calls": []}
    assert world.refused(case), "and nothing else is told"
    for _ in range(2):
        assert named("+13125550124", at) == {"calls": []}
    assert named("+13125550123", at)["code"] == "cpni_too_many_misses"
    online = world.case("online")
    body = {"number": CALLER, "started_at": at.isoformat()}
    assert world.do(online, "named-calls", body).status_code == 403


def test_photo_id_in_store_and_contracts(world: World) -> None:
    store = world.case("in_store")
    assert world.state(store, "photo-id") == "authenticated_by_photo_id"
    assert not world.refused(store)
    path = f"/tenants/{public_id(Prefix.TENANT, world.tenant)}/cpni/contract"
    contract = {"regime": "The representative knows the voice", "reason": "contract 12 of 2026"}
    assert world.support()("put", path, contract).status_code == 403
    assert world.customer("put", path, contract).status_code == 403
    admin = world.support("root", "operator-admin")
    assert admin("put", path, contract | {"reason": ""}).status_code == 422
    assert admin("put", path, contract).json()["contract"]["regime"] == contract["regime"]
    case = world.case()
    world.contacts(OLD)
    key = accounts.create_operator_key("books", ("tenants:write",)).secret
    by_key = ask("put", path, key, contract)
    assert by_key.status_code == 200, by_key.content
    assert by_key.json()["email"]["value"] is None, "which a key may not read"
    assert world.support()("get", f"/cpni/cases/{case}").json()["contract"] == contract["regime"]
    assert world.refused(case), "the contract relaxes how it is proven, not whether"
    assert world.state(case, "contract") == "authenticated_by_contract"
    assert not world.refused(case)
    assert admin("put", path, contract | {"regime": None}).json()["contract"] is None
    assert world.do(world.case(), "contract").json()["code"] == "cpni_not_set"


def notices(world: World) -> list[tuple[str, str]]:
    answer = world.customer("get", "/cpni/notices")
    assert answer.status_code == 200, answer.content
    return [(one["what"], one["channel"]) for one in answer.json()["notices"]]


def test_what_comes_with_the_account_is_no_change(world: World) -> None:
    world.contacts(OLD, world.number, ADDRESS)
    world.set("/password", {"password": PASSWORD})
    world.set("/backup", {"question": "refused_dish", "answer": ANSWER})
    assert (world.mails, notices(world)) == ([], [])
    world.set("/password", {"password": "seven geese fly"})
    assert notices(world) == [("password", "email")]


def test_each_change_is_told_at_the_old_address_without_the_new_value(world: World) -> None:
    world.contacts(OLD, None, ADDRESS)
    world.set("/password", {"password": PASSWORD})
    world.set("/backup", {"question": "refused_dish", "answer": ANSWER})
    world.clock.advance(40 * DAY)
    second, answer = "seven geese fly", "boiled tripe"
    world.contacts(NEW, None, ADDRESS)
    world.contacts(NEW, world.number, ELSEWHERE)
    world.set("/password", {"password": second})
    world.set("/backup", {"question": "island_book", "answer": answer})
    assert [to for to, _, _ in world.mails] == [OLD] * 5, "a fresh address hears of nothing alone"
    assert sorted(notices(world)) == [
        ("address", "email"),
        ("backup", "email"),
        ("email", "email"),
        ("number", "email"),
        ("password", "email"),
    ]
    for _, _, text in world.mails:
        for secret in (NEW, second, answer, "island", "Oak", "89501", world.number, "0143", OLD):
            assert secret not in text
        assert "was changed" in text and "Acme" in text
    unchanged = len(world.mails)
    world.contacts(NEW, world.number, ELSEWHERE)
    assert len(world.mails) == unchanged
    world.clock.advance(31 * DAY)
    world.set("/password", {"password": "eleven blue kettles"})
    assert world.mails[-1][0] == NEW, "of record by now"


def test_without_an_address_somebody_tells_it(world: World) -> None:
    world.contacts(None, world.number)
    world.clock.advance(40 * DAY)
    world.contacts(NEW, world.number)
    assert (world.mails, notices(world)) == ([], [("email", "number")])
    (waiting,) = world.support()("get", "/cpni/notices").json()["notices"]
    path = f"/cpni/notices/{waiting['id']}/deliver"
    out = world.support()("post", path).json()
    assert out["to"] == world.number and NEW not in out["text"]
    assert world.support()("post", path).status_code == 404
    assert world.support()("get", "/cpni/notices").json()["notices"] == []
    (mine,) = world.customer("get", "/cpni/notices").json()["notices"]
    assert mine["sent_at"] is not None


def test_weak_passwords_and_strange_questions(world: World) -> None:
    world.contacts(OLD, world.number, ADDRESS)
    began = accounts.get_any_tenant(world.tenant).created_at
    for secret, problem in (
        ("otter", "too_short"),
        ("Acme Widgets", "account_data"),
        ("fine words 0143", "account_data"),
        ("fine words 62704", "account_data"),
        ("jane of acme", "account_data"),
        (f"fine {began:%Y%m%d} words", "account_data"),
        ("12061984", "a_date"),
        ("password1", "common"),
        ("iloveyou", "common"),
    ):
        answer = world.customer("post", "/cpni/account/password", {"password": secret})
        assert (answer.status_code, answer.json()["code"]) == (422, "cpni_weak_secret"), secret
        assert problem in answer.json()["details"]["problems"], secret
        assert secret not in answer.content.decode()
    body = {"question": "mothers_maiden_name", "answer": "Stevenson"}
    answer = world.customer("post", "/cpni/account/backup", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "cpni_unknown_question")
    body = {"question": "chosen_word", "answer": "Acme"}
    assert world.customer("post", "/cpni/account/backup", body).status_code == 422


def test_who_sees_and_sets_what(world: World) -> None:
    world.contacts(OLD, world.number, ADDRESS)
    assert world.customer("get", "/cpni/account").json()["email"]["value"] == OLD
    admin = make_user("admin@acme.example")
    make_member(admin, world.tenant, "admin")
    as_admin = sign_in(admin, world.tenant)
    seen = as_admin("get", "/cpni/account")
    assert seen.json()["email"]["value"] == "j***@acme.example"
    path = f"/tenants/{public_id(Prefix.TENANT, world.tenant)}/cpni"
    staff = world.support()("get", path)
    for answer in (seen, staff):
        assert answer.status_code == 200
        for value in (OLD, world.number, "Elm"):
            assert value not in answer.content.decode()
    stale = sign_in(world.owner, world.tenant, age_seconds=86_400)
    for browser, code in ((as_admin, "insufficient_scope"), (stale, "step_up_required")):
        for verb, where, body in (
            ("put", "/cpni/account", {"email": NEW, "number": None, "address": None}),
            ("post", "/cpni/account/password", {"password": PASSWORD}),
            ("post", "/cpni/account/backup", {"question": "refused_dish", "answer": ANSWER}),
        ):
            answer = browser(verb, where, body)
            assert (answer.status_code, answer.json()["code"]) == (403, code), where


@pytest.mark.promise("CTX-02.A-07")
def test_support_sees_calls_in_a_case_alone_and_the_trail_names_it(
    world: World, keys: Keys
) -> None:
    ann = world.support()
    named = {"Ringfence_Tenant": public_id(Prefix.TENANT, world.tenant)}
    for path in ("/calls", f"/calls/{public_id(Prefix.CALL, world.calls[0])}"):
        assert ann("get", path).json()["code"] == "tenant_only"
        assert ann("get", path, **named).json()["code"] == "access_grant_required"
    world.set("/password", {"password": PASSWORD})
    case = world.case()
    assert world.refused(case)
    before = len(keys.uses)
    assert world.state(case, "password", {"password": PASSWORD}) == "authenticated_by_password"
    assert world.listed(case, "?limit=2").status_code == 200
    with tempfile.TemporaryDirectory(prefix="rf-audit-") as name:
        settings = Settings(node=NodeSettings(data_dir=Path(name)))
        spool = AuditSpool(settings, "web")
        for use in keys.uses[before:]:
            spool(use)
        spool.close()
        sealer = AuditSealer(settings)
        sealer.seal()
        sealer.close()
    actor = f"user:{world.staff['ann'].id.hex}/case:{case[2:]}"
    oldest, *told = world.calls
    for call in told:
        uses = world.customer("get", f"/audit/uses?object={public_id(Prefix.CALL, call)}").json()
        opened = [one for one in uses["uses"] if one["action"] == "open"]
        assert [(one["actor"], one["purpose"], one["outcome"]) for one in opened] == [
            (actor, "support", "ok")
        ]
    uses = world.customer("get", f"/audit/uses?object={public_id(Prefix.CALL, oldest)}").json()
    assert uses["uses"] == [], "what was not on the page was not opened"
    viewers = world.customer(
        "get", f"/viewers?object={public_id(Prefix.CALL, world.calls[-1])}"
    ).json()["viewers"]
    assert {(one["kind"], one["who"], one["case"], one["grant"]) for one in viewers} == {
        ("staff", "ann@operator.example", case, None)
    }
    tenant = public_id(Prefix.TENANT, world.tenant)
    officer = world.support("olga", "privacy-officer")
    (kept,) = officer("get", f"/cpni/cases?tenant={tenant}").json()["cases"]
    (disclosure,) = kept["disclosures"]
    assert disclosure["kind"] == "told"
    assert disclosure["basis"] == "authenticated_by_password"
    assert disclosure["actor"] == f"user:{world.staff['ann'].id.hex}"
    assert disclosure["calls"] == [public_id(Prefix.CALL, call) for call in reversed(told)]


def test_who_may_not_verify(world: World) -> None:
    case = world.case()
    key = accounts.create_api_key(world.tenant).secret
    operator_key = accounts.create_operator_key().secret
    court = world.support("carl", "lawful-process")
    tenant = public_id(Prefix.TENANT, world.tenant)
    for verb, path, body in (
        ("post", "/cpni/cases", {"tenant": tenant, "channel": "phone"}),
        ("get", "/cpni/cases", None),
        ("get", f"/cpni/cases/{case}", None),
        ("get", f"/cpni/cases/{case}/calls", None),
        ("post", f"/cpni/cases/{case}/password", {"password": PASSWORD}),
    ):
        assert court(verb, path, body).json()["code"] == "insufficient_scope"
        assert world.customer(verb, path, body).json()["code"] == "operator_only"
        assert ask(verb, path, key, body).json()["code"] == "operator_only"
        assert ask(verb, path, operator_key, body).json()["code"] == "insufficient_scope"
    assert ask("get", "/cpni/account", key).status_code == 403


def test_tenants_apart(world: World) -> None:
    other, _, owner = make_customer("Bolt", "+12025550177")
    world.set("/password", {"password": PASSWORD})
    theirs = world.case(tenant=other)
    assert world.do(theirs, "password", {"password": PASSWORD}).json()["code"] == "cpni_not_set"
    store = world.case("in_store", tenant=other)
    assert world.state(store, "photo-id") == "authenticated_by_photo_id"
    assert world.listed(store).json() == {"calls": [], "next": None}
    world.set("/password", {"password": "seven geese fly"})
    assert len(notices(world)) == 1
    browser = sign_in(owner, other)
    assert browser("get", "/cpni/notices").json()["notices"] == []
    assert browser("get", "/cpni/account").json()["password_set_at"] is None
    found = world.support()("get", f"/cpni/cases?tenant={public_id(Prefix.TENANT, other)}")
    assert {one["id"] for one in found.json()["cases"]} == {theirs, store}


def test_a_tenant_that_lets_in_staff_at_home_alone(world: World) -> None:
    accounts.change_settings(world.tenant, us_staff_only=True)
    tenant = public_id(Prefix.TENANT, world.tenant)
    body = {"tenant": tenant, "channel": "in_store"}
    home = world.support("hank", where="US")
    abroad = world.support("alba", where="PT")
    assert abroad("post", "/cpni/cases", body).json()["code"] == "location_refused"
    case = home("post", "/cpni/cases", body).json()["id"]
    assert home("post", f"/cpni/cases/{case}/photo-id").status_code == 200
    refused = abroad("get", f"/cpni/cases/{case}/calls")
    assert (refused.status_code, refused.json()["code"]) == (403, "location_refused")
    assert len(home("get", f"/cpni/cases/{case}/calls").json()["calls"]) == 3


def test_contacts_are_sealed_and_die_with_their_person(
    world: World, db: DatabaseUrls, keys: Keys
) -> None:
    world.contacts(OLD, world.number, ADDRESS)
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT c::text, value_sealed FROM compliance_contact c")
        found = [(text, bytes(sealed)) for text, sealed in rows]
    assert len(found) == 3
    for value in (OLD, world.number[2:], "Elm"):  # fewer digits may stand in an id
        for text, sealed in found:
            assert value not in text and value.encode() not in sealed
    with use_keys(keys.blocking("worker")), using("service", "test"):
        privacy.erase_identifier(world.tenant, Identifier("email", OLD), actor="test")
    assert world.customer("get", "/cpni/account").json()["email"]["value"] is None
    with psycopg.connect(db.owner) as connection:
        query = "SELECT count(*) FROM compliance_contact WHERE value_sealed IS NULL"
        assert connection.execute(query).fetchone() == (1,)
    assert world.contacts(None, world.number, ADDRESS)["email"] is None


def test_a_change_of_the_sign_in_is_told_as_well(world: World) -> None:
    world.contacts(OLD)
    with using("service", "test"):
        compliance.tell_change(world.tenant, Changed.ONLINE_ACCOUNT, "test")
    assert [(to, "sign-in" in text) for to, _, text in world.mails] == [(OLD, True)]
    assert notices(world) == [("online_account", "email")]
