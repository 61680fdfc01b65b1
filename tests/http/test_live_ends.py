"""An open live stream ends with the access that opened it, whichever way that ends."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from allauth.usersessions.models import UserSession
from click.testing import CliRunner
from django.conf import settings
from tests.api import Someone, ask, someone
from tests.oauth import Program, basic, post, program
from tests.people import Browser, make_member, make_user, person, sign_in
from tests.sso import Company, sign_in_by
from tests.unit.live.test_stream_client import MemoryJournal

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES
from ringfence.domains.accounts.models import ApiKey
from ringfence.domains.identity.models import Membership, User
from ringfence.engine.live.access import Access
from ringfence.engine.live.http import LiveApi
from ringfence.engine.live.hub import Hub
from ringfence.entry.live_database import DatabaseAccess
from ringfence.entry.people import member
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.secrets import installation_secret
from ringfence.platform.tickets import SECRET_NAME, Maker, sign_ticket, verify_ticket
from ringfence.platform_django import live as tickets
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.live import mark_of
from ringfence.platform_django.tenancy import across_tenants

Ask = Callable[..., Any]


class Counting(DatabaseAccess):
    """Counts its answers."""

    answers = 0

    async def marks(self, makers: Sequence[tuple[UUID, Maker]]) -> list[UUID | None]:
        found = await super().marks(makers)
        self.answers += 1
        return found


class Live:
    """The streams of the process ``live`` on a thread, with the real database behind."""

    def __init__(self, db: DatabaseUrls, clock: ManualClock) -> None:
        self.db, self.clock = db, clock
        self.secret = installation_secret(settings.RINGFENCE.data_dir, SECRET_NAME)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> Live:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self.source = Counting(self.db.operator, self.clock, timedelta(minutes=120))
        self.access = Access(self.source, self.clock, check_seconds=0.02)
        hub = Hub(MemoryJournal())
        api = LiveApi(
            hub,
            self.access,
            lambda text: verify_ticket(self.secret, text, self.clock),
            SystemClock(),  # an hour that passes here ends no stream by itself
            heartbeat_seconds=0.05,
        )
        runner = web.AppRunner(api.application(), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        checking = asyncio.create_task(self.access.run())
        self.port = runner.addresses[0][1]
        self._ready.set()
        await asyncio.wait(
            (checking, self._loop.create_task(self._stop.wait())), return_when="FIRST_COMPLETED"
        )
        if checking.done():
            checking.result()
        checking.cancel()
        await runner.cleanup()
        await self.source.close()
        mine = asyncio.current_task()
        await asyncio.wait([task for task in asyncio.all_tasks() if task is not mine] or [checking])

    def get(self, ticket: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", f"/v1/events?ticket={ticket}")
        return connection.getresponse()

    def open(self, ticket: str) -> HTTPResponse:
        response = self.get(ticket)
        assert response.status == 200, response.read()
        assert response.readline() == b": open\n"
        return response

    def still_open(self) -> int:
        """How many streams are, after two more questions."""
        answers, late = self.source.answers, time.monotonic() + 10
        while self.source.answers < answers + 2 and self.access._open:
            assert time.monotonic() < late
            time.sleep(0.01)
        return len(self.access._open)

    def ends(self, ticket: str, end: Callable[[], Any], bystander: str) -> None:
        """The stream of a ticket ends with its access, and one of somebody else goes on."""
        stream, other = self.open(ticket), self.open(bystander)
        assert self.still_open() == 2
        end()
        assert last_word(stream) == b'event: end\ndata: {"code":"access_ended"}\n\n'
        assert self.still_open() == 1
        assert self.get(ticket).status == 401
        other.close()


def last_word(stream: HTTPResponse) -> bytes:
    return stream.read().split(b": alive\n\n")[-1].lstrip(b"\n")


@pytest.fixture
def clock(db: DatabaseUrls) -> Iterator[ManualClock]:
    manual = ManualClock(SystemClock().now())
    with use_clock(manual):
        yield manual


@pytest.fixture
def live(db: DatabaseUrls, clock: ManualClock) -> Iterator[Live]:
    with Live(db, clock) as started:
        yield started


@pytest.fixture
def firm(clock: ManualClock) -> Someone:
    return someone("Firm")


@pytest.fixture
def owner(firm: Someone) -> Browser:
    return person("owner", firm.tenant, "owner@firm.example")


@pytest.fixture
def bystander(clock: ManualClock) -> str:
    """A ticket of another tenant, whose access stays."""
    return by_key(someone("Bystander").secret)


@pytest.fixture
def ann(firm: Someone) -> User:
    user = make_user("ann@firm.example")
    make_member(user, firm.tenant, "agent")
    return user


def by_key(secret: str) -> str:
    answer = ask("post", "/live/tickets", secret)
    assert answer.status_code == 201, answer.content
    return answer.json()["ticket"]


def by_session(browser: Browser) -> str:
    answer = browser("post", "/live/tickets")
    assert answer.status_code == 201, answer.content
    return answer.json()["ticket"]


def done(answer: Any) -> None:
    assert answer.status_code in (200, 204), answer.content


def changed(browser: Browser, path: str, body: dict[str, Any]) -> None:
    etag = browser("get", path).headers["ETag"]
    done(browser("patch", path, body, If_Match=etag))


# --- people


def member_id(owner: Browser, email: str) -> str:
    listed = owner("get", "/members").json()["members"]
    return next(one["id"] for one in listed if one["email"] == email)


def removed(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    done(owner("delete", f"/members/{member_id(owner, 'ann@firm.example')}"))


def in_another_role(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    path = f"/members/{member_id(owner, 'ann@firm.example')}"
    changed(owner, path, {"role": "analyst"})
    assert ann("post", "/live/tickets").status_code == 403


def signed_out(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    ann.client.logout()


def signed_out_by_the_operator(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    assert CliRunner().invoke(member, ["sign-out", "ann@firm.example"]).exit_code == 0


def over_by_time(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=12, seconds=1))


def unused(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=122))


def password_changed(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    user = User.objects.get(email="ann@firm.example")
    user.set_password("correct horse battery")
    user.save()


def switched_off(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    User.objects.filter(email="ann@firm.example").update(is_active=False)


def second_factor_required(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    accounts.change_settings(owner.tenant or UUID(int=0), mfa_required=True)


def tenant_suspended(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    accounts.change_tenant(owner.tenant or UUID(int=0), status="suspended")


def tenant_closed(owner: Browser, ann: Browser, clock: ManualClock) -> None:
    accounts.close_tenant(owner.tenant or UUID(int=0))


@pytest.mark.parametrize(
    "way",
    [
        removed, in_another_role, signed_out, signed_out_by_the_operator, password_changed,
        switched_off, second_factor_required, tenant_suspended, tenant_closed,
    ],
)  # fmt: skip
def test_a_persons_stream_ends(
    way: Ask, live: Live, owner: Browser, ann: User, bystander: str, clock: ManualClock
) -> None:
    browser = sign_in(ann, owner.tenant, mfa=False)
    live.ends(by_session(browser), lambda: way(owner, browser, clock), bystander)


@pytest.mark.parametrize("way", [over_by_time, unused])
def test_a_persons_stream_ends_by_time(
    way: Ask, live: Live, owner: Browser, ann: User, bystander: str, clock: ManualClock
) -> None:
    browser = sign_in(ann, owner.tenant)
    live.ends(by_session(browser), lambda: way(owner, browser, clock), bystander)


def test_another_session_of_the_same_person_goes_on(live: Live, ann: User, owner: Browser) -> None:
    one, two = sign_in(ann, owner.tenant), sign_in(ann, owner.tenant)
    live.ends(by_session(one), one.client.logout, by_session(two))


def test_a_custom_role_that_loses_the_permission(
    live: Live, owner: Browser, bystander: str
) -> None:
    body = {"name": "Desk", "permissions": ["calls:read", "live:read"], "purposes": ["service"]}
    role = owner("post", "/roles", body)
    assert role.status_code == 201, role.content
    user = make_user("bob@firm.example")
    member_of = make_member(user, owner.tenant, "agent")
    path = f"/members/{public_id(Prefix.MEMBER, member_of.id)}"
    changed(owner, path, {"role": role.json()["id"]})
    browser = sign_in(user, owner.tenant)
    less = {"permissions": ["calls:read"]}
    live.ends(
        by_session(browser),
        lambda: changed(owner, f"/roles/{role.json()['id']}", less),
        bystander,
    )
    assert browser("post", "/live/tickets").status_code == 403


def test_a_session_of_a_provider_ends_with_its_connection(
    clock: ManualClock, acme: Company, live: Live, bystander: str
) -> None:
    acme.connect(default_role="agent")
    client, answer = sign_in_by("acme")
    assert answer.status_code == 302, answer.content
    browser = Browser(client, acme.tenant)
    live.ends(
        by_session(browser), lambda: acme.connect(default_role="agent", enabled=False), bystander
    )


# --- the operator's staff, whom no cell of roles.md lets listen in tenants today


@pytest.mark.parametrize("way", ["revoked", "ended", "expired"])
def test_a_stream_under_an_access_grant_ends_with_it(
    way: str, live: Live, owner: Browser, bystander: str, clock: ManualClock
) -> None:
    tenant = owner.tenant or UUID(int=0)
    accounts.change_settings(tenant, staff_access="automatic")
    user = make_user("helper@operator.example")
    make_member(user, None, "operator-support", work_location="US")
    staff = sign_in(user, INSTALLATION)
    body = {"reason": "the customer asked for it", "minutes": 30}
    asked = staff("post", f"/tenants/{public_id(Prefix.TENANT, tenant)}/access-grants", body)
    grant = asked.json()["id"]
    within = Browser(staff.client, tenant)
    assert within("post", "/live/tickets").status_code == 403
    number = UserSession.objects.get(session_key=staff.client.session.session_key).pk
    maker = Maker("staff", user.id, parse_public_id(Prefix.ACCESS_GRANT, grant), number)
    mark = mark_of(tenant, maker)
    assert mark is not None
    ticket = sign_ticket(
        live.secret, tenant, clock, Maker(maker.kind, maker.id, maker.through, number, mark)
    )[0]
    ways: dict[str, Callable[[], Any]] = {
        "revoked": lambda: done(owner("post", f"/access-grants/{grant}/revoke")),
        "ended": lambda: done(staff("post", f"/access-grants/{grant}/end")),
        "expired": lambda: clock.advance(timedelta(minutes=30)),
    }
    live.ends(ticket, ways[way], bystander)


# --- keys and clients


@pytest.mark.parametrize("way", ["revoked", "expired", "narrowed", "elsewhere"])
def test_a_keys_stream_ends(
    way: str, live: Live, firm: Someone, bystander: str, clock: ManualClock
) -> None:
    ends_at = clock.now() + timedelta(minutes=10)
    key = accounts.create_api_key(
        firm.tenant, scopes=ALL_SCOPES, purposes=("service",), expires_at=ends_at
    )
    path = f"/keys/{public_id(Prefix.API_KEY, key.info.id)}"
    networks = {"allowed_networks": ["192.0.2.0/24"]}

    def elsewhere() -> None:
        etag = ask("get", path, firm.secret).headers["ETag"]
        done(ask("patch", path, firm.secret, networks, If_Match=etag))

    ways: dict[str, Callable[[], Any]] = {
        "revoked": lambda: done(ask("delete", path, firm.secret)),
        "expired": lambda: clock.advance(timedelta(minutes=10)),
        "narrowed": lambda: narrow(key.info.id),
        "elsewhere": elsewhere,
    }
    live.ends(by_key(key.secret), ways[way], bystander)


def narrow(key: UUID) -> None:
    """As a migration that takes a scope away would."""
    with across_tenants("test") as db:
        ApiKey.objects.using(db).filter(id=key).update(scopes=["calls:read"])


@pytest.fixture
def crm(firm: Someone) -> Program:
    return program(firm.secret, scopes=["live:read", "calls:read"])


def test_two_keys_of_one_tenant(live: Live, firm: Someone) -> None:
    key = accounts.create_api_key(firm.tenant, scopes=ALL_SCOPES, purposes=("service",))
    revoke = lambda: accounts.revoke_api_key(firm.tenant, key.info.id)  # noqa: E731
    live.ends(by_key(key.secret), revoke, by_key(firm.secret))


@pytest.mark.parametrize("way", ["client", "token", "hour"])
def test_a_clients_stream_ends(
    way: str, live: Live, firm: Someone, crm: Program, bystander: str, clock: ManualClock
) -> None:
    token = crm.token()
    form = {"token": token}
    ways: dict[str, Callable[[], Any]] = {
        "client": lambda: done(ask("delete", f"/clients/{crm.id}", firm.secret)),
        "token": lambda: done(post("/oauth/revoke", form, headers=basic(crm.id, crm.secret))),
        "hour": lambda: clock.advance(timedelta(hours=1)),
    }
    live.ends(by_key(token), ways[way], bystander)


def test_another_token_of_the_client_goes_on(live: Live, crm: Program) -> None:
    token, other = crm.token(), crm.token()
    revoke = lambda: done(  # noqa: E731
        post("/oauth/revoke", {"token": token}, headers=basic(crm.id, crm.secret))
    )
    live.ends(by_key(token), revoke, by_key(other))


# --- what a ticket holds


def test_what_changes_while_a_ticket_is_made_ends_its_streams(
    live: Live, owner: Browser, ann: User, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark is taken before the access is decided on once more."""
    taken = tickets.mark_of

    def meanwhile(tenant_id: UUID, maker: Maker) -> UUID | None:
        in_another_role_now(ann)
        return taken(tenant_id, maker)

    monkeypatch.setattr(tickets, "mark_of", meanwhile)
    assert sign_in(ann, owner.tenant)("post", "/live/tickets").status_code == 403


def in_another_role_now(user: User) -> None:
    with across_tenants("test") as db:
        Membership.objects.using(db).filter(user_id=user.id).update(role="analyst")


def test_a_ticket_holds_no_secret(
    live: Live, owner: Browser, ann: User, clock: ManualClock
) -> None:
    browser = sign_in(ann, owner.tenant)
    text = by_session(browser).split(".")[0]
    payload = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    key = browser.client.session.session_key or ""
    assert key and key.encode() not in payload
    assert ann.email.encode() not in payload
    assert ann.id.bytes in payload, "the search does find what is there"
