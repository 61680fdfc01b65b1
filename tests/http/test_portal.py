"""The privacy portal in browsers, on a real database and key store; mails and calls as jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import Client
from tests.keys_fixture import Keys
from tests.population import record_call
from tests.recorded_calls import World, recorded_world

from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial
from ringfence.domains.portal import api as portal
from ringfence.domains.portal.models import Visit
from ringfence.domains.portal.usecases import send_code as sending
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy import tasks
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import OPERATOR
from ringfence.platform_django.use import using

CALLER, CALLEE, OWN = "+14155550100", "+12125550111", "+12025550142"
STRANGER = "+14155550177"


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        dial = (SipDial("sip:desk@pbx.example.net"),)
        numbers.create_number(NewNumber(made.acme, OWN, dial))
        portal.put_portal(made.acme, "acme", OWN, officer_confirms=False)
        portal.put_portal(made.bolt, "bolt", None, officer_confirms=False)
        yield made


class Browser:
    """Somebody's browser, and what reaches them."""

    def __init__(self, world: World, db: DatabaseUrls, slug: str = "acme") -> None:
        self.world, self.db, self.slug = world, db, slug
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def get(self, path: str = "") -> Any:
        return self.client.get(f"/privacy/{self.slug}/{path}", headers={"Accept": "text/html"})

    def post(self, path: str = "", data: dict[str, str] | None = None) -> Any:
        self.client.get(f"/privacy/{self.slug}/", headers={"Accept": "text/html"})
        token = self.client.cookies["csrftoken"].value
        body = (data or {}) | {"csrfmiddlewaretoken": token}
        return self.client.post(
            f"/privacy/{self.slug}/{path}", body, headers={"Accept": "text/html"}
        )

    def ask(self, contact: str = CALLER, wish: str = "access", law: str = "us-ca") -> Any:
        return self.post(data={"contact": contact, "wish": wish, "jurisdiction": law})

    def prove(self, code: str) -> Any:
        return self.post("code/", {"code": code})

    def enter(self, contact: str = CALLER, wish: str = "access") -> Any:
        """Asked, told and typed in."""
        assert self.ask(contact, wish).status_code == 303
        answer = self.prove(self.told())
        assert answer.status_code == 303, answer.content
        return self.get("requests/")

    def told(self) -> str:
        """The code that came last, by mail or by telephone."""
        return sent(self.world, self.db)


def jobs(urls: DatabaseUrls, name: str) -> list[dict[str, Any]]:
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        rows = connection.execute(
            "DELETE FROM procrastinate_jobs WHERE task_name = %s RETURNING id, args", [name]
        ).fetchall()
    return [row[1] for row in sorted(rows)]


def sent(world: World, urls: DatabaseUrls) -> str:
    """The code that the worker sends, in the mail or in the words that are spoken."""
    said: list[tuple[Any, ...]] = []
    (job,) = jobs(urls, "portal.send_code")
    visit = UUID(job["visit"])
    with pytest.MonkeyPatch.context() as patch, world.worker():
        patch.setattr(sending, "say_by_call", lambda *given: said.append(given))
        assert portal.send_code(visit)
        assert not portal.send_code(visit), "it is forgotten once it is sent"
    if not said:
        mail = (django_settings.RINGFENCE.mail_dir / f"{visit.hex}.eml").read_text()
        return str(re.findall(r"Your code is (\d{6})", mail)[0])
    ((_, _, _, caller_id, text),) = said
    assert caller_id == OWN
    return "".join(re.findall(r"\d", text))


def answer_all(world: World, urls: DatabaseUrls) -> None:
    with world.worker():
        for job in jobs(urls, "privacy.build_package"):
            tasks.build_package(job["request"])
        for job in jobs(urls, "privacy.carry_out"):
            tasks.carry_out(job["erasure"])


def known(world: World) -> None:
    record_call(new_id(), new_id(), world.acme, from_number=CALLER, to_number=CALLEE)


@pytest.fixture
def browser(world: World, db: DatabaseUrls) -> Browser:
    known(world)
    return Browser(world, db)


def requests(urls: DatabaseUrls) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls.owner) as connection:
        return connection.execute(
            "SELECT kind, state, channel, method, person_id, tenant_id"
            " FROM privacy_rights_request ORDER BY id"
        ).fetchall()


def id_in(page: Any) -> str:
    found = re.search(r"<code>(RR[0-9a-f]{32})</code>", page.content.decode())
    assert found, page.content
    return found[1]


def test_a_copy_from_the_first_page_to_the_package(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    page = browser.get()
    assert page.status_code == 200
    assert b"<script" not in page.content
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src")
    assert page.headers["Cache-Control"] == "no-store"
    shown = browser.enter()
    assert b"being worked on" in shown.content
    ((kind, state, channel, method, person, _),) = requests(db)
    assert (kind, state, channel, method) == ("access", "verified", "portal", "code_sent")
    assert person is not None
    answer_all(world, db)
    shown = browser.get("requests/")
    assert b"Download the copy" in shown.content
    id_ = id_in(shown)
    package = browser.get(f"requests/{id_}/package")
    assert package.status_code == 200
    assert b"".join(package.streaming_content)[:2] == b"PK"
    receipt = json.loads(browser.get(f"requests/{id_}/receipt").content)
    assert (receipt["method"], receipt["result"]["held"]) == ("code_sent", True)


def test_a_correction_is_said_once_it_is_known_who_asks(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    page = browser.enter(wish="correction").content
    assert b"What is wrong?" in page
    assert requests(db) == [], "nothing is asked before it is said"
    for wrong in ("", "  ", "x" * 2001):
        assert browser.post("requests/correct/", {"statement": wrong}).status_code == 422
    assert requests(db) == []
    said = {"statement": "I called on Monday, <not> on Tuesday."}
    assert browser.post("requests/correct/", said).status_code == 303
    assert browser.post("requests/correct/", said).status_code == 303, "twice is once"
    ((kind, state, channel, method, person, tenant),) = requests(db)
    assert (kind, state, channel, method) == ("correction", "running", "portal", "code_sent")
    assert (person is not None, tenant) == (True, world.acme)
    shown = browser.get("requests/")
    assert b"Correction" in shown.content
    request = UUID(id_in(shown)[2:])
    with using("service", "test"):
        told = privacy.agent_and_statement(world.acme, request)
    assert told == said
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT r::text FROM privacy_rights_request r").fetchall()
    assert not any("Monday" in row[0] for row in rows)


def test_a_correction_of_nobody_is_kept_nowhere(world: World, db: DatabaseUrls) -> None:
    stranger = Browser(world, db)
    page = stranger.enter(STRANGER, wish="correction").content
    assert b"What is wrong?" in page
    assert stranger.post("requests/confirm/").status_code == 302, "that is for what else is asked"
    assert stranger.post("requests/correct/", {"statement": "Mine"}).status_code == 303
    answer_all(world, db)
    assert b"nothing was held" in stranger.get("requests/").content
    outside = Browser(world, db)
    for said in ("Mine", ""):
        answer = outside.post("requests/correct/", {"statement": said})
        assert (answer.status_code, answer["Location"]) == (302, "/privacy/acme/")
    assert len(requests(db)) == 1


def test_a_deletion_is_confirmed_and_found_again(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    assert b"Erase everything of you?" in browser.enter(wish="deletion").content
    assert requests(db) == []
    assert browser.post("requests/confirm/").status_code == 303
    assert browser.post("requests/confirm/").status_code == 303, "twice is once"
    answer_all(world, db)
    assert [row[:2] for row in requests(db)] == [("deletion", "done")]
    later = Browser(world, db)
    shown = later.enter(wish="status")
    assert b"Erasure" in shown.content
    receipt = json.loads(later.get(f"requests/{id_in(shown)}/receipt").content)
    assert receipt["result"]["keys_destroyed_at"]


def test_who_means_nobody_gets_a_receipt_that_nothing_is_held(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    for contact in (STRANGER, "nobody@example.com"):
        other = Browser(world, db)
        other.enter(contact)
        answer_all(world, db)
        shown = other.get("requests/")
        assert b"nothing was held" in shown.content
        receipt = json.loads(other.get(f"requests/{id_in(shown)}/receipt").content)
        assert (receipt["result"], receipt["person_sha256"]) == ({"held": False}, None)
        assert other.get(f"requests/{id_in(shown)}/package").status_code == 303


def test_nothing_tells_known_from_unknown(browser: Browser, world: World, db: DatabaseUrls) -> None:
    answers = []
    for contact in (CALLER, STRANGER):
        one = Browser(world, db)
        asked = one.ask(contact)
        page = re.sub(rb'value="[A-Za-z0-9]{64}"', b"", one.get("code/").content)
        wrong = re.sub(rb'value="[A-Za-z0-9]{64}"', b"", one.prove("000000").content)
        rows = len(jobs(db, "portal.send_code"))
        answers.append((asked.status_code, asked.headers["Location"], page, wrong, rows))
    assert answers[0] == answers[1]
    assert answers[0][4] == 1


@pytest.mark.parametrize("contact", [CALLER, STRANGER, "ann@example.com"])
def test_what_waits_to_be_sent_dies_with_its_person(
    contact: str, browser: Browser, world: World, db: DatabaseUrls
) -> None:
    """It is sealed under a key of the tenant, which no erasure ends: nobody is reached by it."""
    browser.ask(contact)
    (job,) = jobs(db, "portal.send_code")
    said: list[object] = []
    with pytest.MonkeyPatch.context() as patch, world.worker():
        row = Visit.objects.using(OPERATOR).get(id=UUID(job["visit"]))
        with using("service", "test"):
            waits = open_fields([row], "contact_sealed")[0]["contact_sealed"].value
        assert waits is not None and set(waits) == {"person", "code"}
        assert contact[2:] not in str(waits)
        privacy.destroy_person(world.acme, UUID(waits["person"]), actor="test")
        patch.setattr(sending, "say_by_call", lambda *given: said.append(given))
        assert not portal.send_code(row.id)
    assert said == [] and not (django_settings.RINGFENCE.mail_dir / f"{row.id.hex}.eml").exists()


def test_a_code_is_of_its_browser_and_of_one_use(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    browser.ask("ann@example.com")
    code = browser.told()
    thief = Browser(world, db)
    assert thief.prove(code).status_code == 422
    thief.ask("thief@example.com")
    assert thief.prove(code).status_code == 422, "another visit's code"
    assert thief.get("requests/").status_code == 302
    assert browser.prove(code).status_code == 303
    assert browser.prove(code).status_code == 422, "it was used"
    assert browser.post("leave/").status_code == 303
    assert browser.get("requests/").status_code == 302


def test_a_cookie_of_one_tenants_portal_opens_no_other(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    browser.enter()
    answer_all(world, db)
    id_ = id_in(browser.get("requests/"))
    stolen = browser.client.cookies["ringfence_portal"].value
    other = Browser(world, db, "bolt")
    other.client.cookies["ringfence_portal"] = stolen
    assert other.get("requests/").status_code == 302
    bolt = Browser(world, db, "bolt")
    bolt.enter("somebody@example.com")
    for path in ("package", "receipt"):
        assert bolt.get(f"requests/{id_}/{path}").status_code == 404
    assert bolt.post(f"requests/{id_}/appeal").status_code == 404


def test_five_wrong_tries_end_a_code(browser: Browser) -> None:
    browser.ask("ann@example.com")
    code = browser.told()
    for digit in range(5):
        assert (
            browser.prove(f"{digit}" * 6 if f"{digit}" * 6 != code else "999999").status_code == 422
        )
    assert browser.prove(code).status_code == 422


def test_a_code_lasts_ten_minutes_and_a_proof_half_an_hour(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    browser.ask("ann@example.com")
    code = browser.told()
    world.keys.clock.advance(timedelta(minutes=10))
    assert browser.prove(code).status_code == 422
    second = Browser(world, db)
    second.ask("ann@example.com")
    code = second.told()
    world.keys.clock.advance(timedelta(minutes=9, seconds=55))
    assert second.prove(code).status_code == 303
    world.keys.clock.advance(timedelta(minutes=29))
    assert second.get("requests/").status_code == 200
    world.keys.clock.advance(timedelta(minutes=1, seconds=1))
    assert second.get("requests/").status_code == 302


def test_three_codes_an_hour_go_to_one_address_and_the_page_is_the_same(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    for _ in range(3):
        one = Browser(world, db)
        assert one.ask("ann@example.com").status_code == 303
        assert one.told()
    fourth = Browser(world, db)
    assert fourth.ask("ann@example.com").status_code == 303
    assert not jobs(db, "portal.send_code")
    assert fourth.get("code/").status_code == 200
    world.keys.clock.advance(timedelta(hours=1, seconds=1))
    fourth.ask("ann@example.com")
    assert fourth.told()


def test_one_network_address_asks_ten_times_an_hour(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    for n in range(10):
        assert Browser(world, db).ask(f"n{n}@example.com").status_code == 303
    busy = Browser(world, db).ask("n11@example.com")
    assert busy.status_code == 429
    assert b"Too many codes" in busy.content


@pytest.mark.parametrize(
    "contact", ["", "911", "+19005550100", "ann@", "@example.com", "a@b\n.com", "1" * 300]
)
def test_what_gets_no_code_is_said(browser: Browser, db: DatabaseUrls, contact: str) -> None:
    assert browser.ask(contact).status_code == 422
    assert not jobs(db, "portal.send_code")


def test_a_portal_without_a_number_mails_alone(
    browser: Browser, world: World, db: DatabaseUrls
) -> None:
    bolt = Browser(world, db, "bolt")
    answer = bolt.ask(CALLER)
    assert answer.status_code == 422
    assert b"e-mail addresses alone" in answer.content


def test_a_foreign_form_is_refused(browser: Browser, db: DatabaseUrls) -> None:
    client = Client(enforce_csrf_checks=True)
    body = {"contact": CALLER, "wish": "access", "jurisdiction": "us-ca"}
    assert client.post("/privacy/acme/", body).status_code == 403
    assert not jobs(db, "portal.send_code")


def test_no_row_has_the_number_or_the_code_in_clear(browser: Browser, db: DatabaseUrls) -> None:
    browser.ask(CALLER)
    with psycopg.connect(db.owner) as connection:
        (row,) = connection.execute("SELECT to_jsonb(v)::text FROM portal_visit v").fetchall()
        text = row[0]
    code = browser.told()
    for secret in (CALLER, CALLER[1:], code):
        assert secret not in text
        assert secret.encode().hex() not in text


def test_a_stop_of_use_bites_and_ends(browser: Browser, world: World, db: DatabaseUrls) -> None:
    key = world.key(purposes=("service", "support"))

    def seen() -> str:
        answer = Client().get(
            "/api/v1/calls?direction=inbound", headers={"Authorization": f"Bearer {key}"}
        )
        return str(answer.content)

    assert CALLER in seen()
    browser.enter(wish="restriction")
    answer_all(world, db)
    assert CALLER not in seen()
    copy = Browser(world, db)
    copy.enter(wish="access")
    answer_all(world, db)
    assert b"Download the copy" in copy.get("requests/").content, "their own requests go on"
    id_ = re.findall(rb"RR[0-9a-f]{32}", copy.get("requests/").content)[0].decode()
    assert copy.get(f"requests/{id_}/package").status_code == 200
    Browser(world, db).enter(wish="restriction_end")
    answer_all(world, db)
    assert CALLER in seen()


def test_visits_are_swept(browser: Browser, world: World, db: DatabaseUrls) -> None:
    browser.enter()
    Browser(world, db).ask("ann@example.com")
    world.keys.clock.advance(timedelta(days=1, seconds=1))
    assert portal.sweep_visits() == 1
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT address_hash, code_hash FROM portal_visit").fetchall()
    assert rows == [(None, None)]
    world.keys.clock.advance(timedelta(days=180))
    assert portal.sweep_visits() == 1


def test_an_unknown_portal_is_not_there(world: World) -> None:
    answer = Client().get("/privacy/nobody/", headers={"Accept": "text/html"})
    assert answer.status_code == 404
