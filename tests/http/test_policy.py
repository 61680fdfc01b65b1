"""Publishing the policy, what binds whom, and what everybody sees of it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from django.test import Client
from tests.api import Someone, ask, someone
from tests.people import make_member, make_user, person, sign_in
from tests.signing_in import mails

from ringfence.domains.accounts import api as accounts
from ringfence.domains.policy import api, tasks
from ringfence.domains.policy.contracts import Draft, TooEarly, VersionInfo
from ringfence.domains.policy.usecases.publish import SUBJECT
from ringfence.entry.promises.policy import render
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.settings import PolicySettings
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.policies.catalogue import load_catalogue
from ringfence.policies.profiles import Profile, load_profile, profile_hash, with_value

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STRICT = load_profile("strict")
SAID = frozenset({"CTX-01.C-02", "SIP-08.2-01"})
WHO = PolicySettings(
    operator="Example", email="p@example.org", phone="+1 202 555 0100", address="12 Elm Street"
)


@pytest.fixture
def time(db: DatabaseUrls) -> Iterator[ManualClock]:
    moved = ManualClock(START)
    with use_clock(moved):
        yield moved


@pytest.fixture
def acme(time: ManualClock) -> Someone:
    return someone()


def report(clauses: frozenset[str] = SAID, state: str = "enforced", **more: Any) -> dict[str, Any]:
    """An examination by one control, which is good for a day."""
    bad = state in ("broken", "unknown")
    end = (START + more.pop("age", timedelta())).isoformat()
    seen = {
        "control": "a-control", "says": "Nothing stands in clear.", "limits": "Of rows.",
        "observed_at": end, "good_until": (datetime.fromisoformat(end) + DAY).isoformat(),
        "population": 7, "finding_count": int(bad), "error": "",
        "findings": [{"code": "in_clear", "subject": "row 4711", "detail": ""}] * bad,
        "attempts": [
            {"name": "value-in-clear", "clauses": sorted(clauses), "undone": True, "caught_at": end}
        ],
    }  # fmt: skip
    states = dict.fromkeys(load_catalogue().clauses, "not_claimed") | dict.fromkeys(clauses, state)
    return {
        "build": "1", "profile": "strict", "hash": profile_hash(STRICT), "ended_at": end,
        "examinations": [seen],
        "clauses": [
            {"id": id_, "state": one, "control": ["a-control"] if id_ in clauses else []}
            for id_, one in states.items()
        ],
    }  # fmt: skip


def publish(
    clauses: frozenset[str] = SAID, profile: Profile = STRICT, **how: datetime
) -> VersionInfo:
    def page(head: api.Head) -> str:
        return render(report(clauses), profile, load_catalogue(), WHO, head)

    return api.publish(Draft(clauses, "1", 1), profile, page, actor="test", **how)


def see(path: str, status: int = 200) -> str:
    answer = Client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.content[:500]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return str(answer.content.decode())


def test_before_anything_is_published(acme: Someone) -> None:
    assert "No policy is in force" in see("/policy/", 404)
    assert "Nothing was published yet" in see("/policy/versions/")
    assert "Nothing was examined" in see("/policy/board/")
    binding = ask("get", "/policy", acme.secret).json()
    assert [binding[name] for name in ("bound", "awaits", "coming")] == [None] * 3
    for path in ("/policy/versions/1/", "/policy/board/CTX-99/", "/policy/versions/x/"):
        assert Client().get(path).status_code == 404


@pytest.mark.promise("SIP-13.0-05")
@pytest.mark.promise("CCA-09.0-01")
def test_the_old_version_stays_as_it_was(time: ManualClock) -> None:
    publish()
    first = see("/policy/")
    assert re.findall(r">(\d{4}-\d\d-\d\d)</time>", first) == ["2026-03-01", "2026-03-01"]
    assert set(re.findall(r'<li id="([^"]+)">', first)) == SAID
    time.advance(3 * DAY)
    second = publish(SAID | {"SIP-08.1-01"})
    assert see("/policy/") == see("/policy/versions/1/") == first
    coming = see("/policy/versions/2/")
    assert re.findall(r">(\d{4}-\d\d-\d\d)</time>", coming) == ["2026-03-04", "2026-04-03"]
    assert "Added: SIP-08.1-01" in coming and 'href="/policy/versions/1/"' in coming
    time.advance(second.effective_at - time.now())
    assert see("/policy/") == coming
    assert see("/policy/versions/1/") == first
    history = see("/policy/versions/")
    assert history.index("Version 2") < history.index("Version 1")
    assert second.digest in history


@pytest.mark.promise("CMX-14.0-01")
def test_a_changed_version_holds_after_thirty_days_and_not_before(time: ManualClock) -> None:
    publish()
    time.advance(timedelta(minutes=1))
    other = SAID | {"SIP-08.1-01"}
    with pytest.raises(TooEarly):
        publish(other, effective_at=time.now() + 30 * DAY - timedelta(seconds=1))
    assert len(api.list_versions()) == 1
    assert publish(other).effective_at == time.now() + 30 * DAY
    with pytest.raises(TooEarly):
        publish(SAID, effective_at=time.now() + 29 * DAY)


def test_a_shorter_notice_is_announced_under_the_longer(time: ManualClock) -> None:
    publish()
    hasty = publish(profile=with_value(STRICT, "change.notice_days", 1))
    assert hasty.effective_at == START + 30 * DAY
    time.advance(timedelta(seconds=1))
    last = publish(profile=with_value(STRICT, "change.notice_days", 0))
    assert last.effective_at == hasty.effective_at, "not before the one before it"


def test_the_same_is_not_published_twice(time: ManualClock) -> None:
    first = publish()
    time.advance(DAY)
    assert publish() == first
    assert len(api.list_versions()) == 1


@pytest.mark.promise("SIP-13.0-04")
def test_what_is_worse_binds_after_consent(acme: Someone, time: ManualClock) -> None:
    publish()
    publish(frozenset({"CTX-01.C-02"}))
    time.advance(31 * DAY)
    late = someone("Late")
    before = ask("get", "/policy", acme.secret).json()
    assert (before["bound"]["number"], before["awaits"]["number"]) == (1, 2)
    assert before["awaits"]["changes"] == [
        {"kind": "removed", "what": "SIP-08.2-01", "before": None, "after": None, "reduces": True}
    ]
    came = ask("get", "/policy", late.secret).json()
    assert (came["bound"]["number"], came["awaits"]) == (2, None)
    assert ask("post", "/policy/accept", acme.secret, {"version": 2}).status_code == 403
    with use_clock(SystemClock()):  # sessions live by it; it is long after the version holds
        owner = make_user("owner@acme.example")
        make_member(owner, acme.tenant, "owner")
        browser = sign_in(owner, acme.tenant)
        for number, status, code in (
            (3, 404, "policy_version_not_found"),
            (1, 409, "policy_nothing_to_accept"),
            (0, 422, "invalid_input"),
        ):
            refused = browser("post", "/policy/accept", {"version": number})
            assert (refused.status_code, refused.json()["code"]) == (status, code)
        accepted = browser("post", "/policy/accept", {"version": 2})
        assert accepted.status_code == 200, accepted.content
        assert accepted.json() == came | {"tenant": accepted.json()["tenant"]}


@pytest.mark.promise("SIP-13.0-01")
def test_everybody_is_told_once_before_it_holds(
    acme: Someone, time: ManualClock, db: DatabaseUrls
) -> None:
    for name in ("one", "two"):
        make_member(make_user(f"{name}@acme.example"), acme.tenant, "agent")
    gone = accounts.create_tenant("Gone").id
    make_member(make_user("gone@gone.example"), gone, "owner")
    accounts.close_tenant(gone)
    publish()
    version = publish(frozenset({"CTX-01.C-02"}))
    for _ in range(2):
        tasks.tell(version.number)
    told = [mail for mail in mails() if mail["subject"] == SUBJECT]
    assert sorted(mail["to"] for mail in told) == ["one@acme.example", "two@acme.example"]
    assert "/policy/versions/2/" in told[0]["text"] and "2026-03-31" in told[0]["text"]
    assert "until you accept" in told[0]["text"]
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT count(DISTINCT user_id), count(*), max(told_at) FROM policy_notice"
        ).fetchone()
    assert rows is not None
    assert rows[:2] == (2, 2) and rows[2] < version.effective_at


def test_the_board_shows_today_and_not_what_was_found(time: ManualClock) -> None:
    publish()
    api.record_examination(1, report(), timedelta(hours=72))
    board = see("/policy/board/")
    assert "2 clauses are claimed" in board and 'aria-label="2 enforced' in board
    assert "SIP-08.2-01" in see("/policy/board/?state=enforced")
    assert "SIP-08.2-01" not in see("/policy/board/?state=planned")
    clause = see("/policy/board/SIP-08.2-01/")
    for said in ("Nothing stands in clear.", "value-in-clear", "noticed", "2026-03-01 12:00:00"):
        assert said in clause
    assert '/policy/versions/1/#SIP-08.2-01"' in clause
    time.advance(DAY + timedelta(seconds=1))
    assert "too old" in see("/policy/board/")
    assert "s-unknown" in see("/policy/board/SIP-08.2-01/")


def test_a_red_control_opens_an_incident_and_touches_no_policy(time: ManualClock) -> None:
    publish()
    page = see("/policy/")
    broken = report(state="broken", age=timedelta(hours=1))
    api.record_examination(1, broken, timedelta(hours=72))
    more = report(state="broken", age=timedelta(hours=1))
    more["examinations"][0]["finding_count"] = 5
    api.record_examination(2, more, timedelta(hours=72))
    api.record_examination(1, report(), timedelta(hours=72))  # late, and older: changes nothing
    time.advance(timedelta(hours=3))
    (incident,) = api.list_incidents("strict")
    assert incident.findings == 5, "as last seen"
    assert incident.opened_at == START + timedelta(hours=1)
    assert incident.due_at == incident.opened_at + timedelta(hours=72)
    assert incident.clauses == tuple(sorted(SAID)) and incident.closed_at is None
    for path in ("/policy/board/", "/policy/board/SIP-08.2-01/"):
        seen = see(path)
        assert "due by 2026-03-04 13:00" in " ".join(re.sub(r"<[^>]+>", "", seen).split())
        assert "row 4711" not in seen, "names of things are the operator's"
    assert see("/policy/") == page
    time.advance(timedelta(hours=73))
    assert "overdue" in see("/policy/board/")
    api.record_examination(3, report(age=timedelta(hours=80)), timedelta(hours=72))
    (over,) = api.list_incidents("strict")
    assert over.closed_at == START + timedelta(hours=80)
    assert "Incidents that are over" in see("/policy/board/")


def test_published_versions_are_not_rewritten(time: ManualClock, db: DatabaseUrls) -> None:
    """No role that serves anybody may change or delete one."""
    publish()
    for dsn in (db.app, db.operator, db.callplane, db.identity):
        for statement in ("UPDATE policy_version SET html = ''", "DELETE FROM policy_version"):
            with psycopg.connect(dsn) as connection, pytest.raises(psycopg.Error):
                connection.execute(statement)


def test_who_may_has_it_examined_and_sees_how_far_it_is(db: DatabaseUrls) -> None:
    """From the board, once at a time; the worker runs it. Others see no button and are refused."""
    officer = person("privacy-officer", None).client
    others = [Client(), person("operator-support", None).client, person("owner", new_id()).client]
    for client in others:
        assert "Examine now" not in client.get("/policy/board/").content.decode()
        assert client.post("/policy/board/examine/", {"profile": "strict"}).status_code == 403
    assert api.last_order("strict") is None
    wanted = {"profile": "strict", "clause": "SIP-08.2-01"}
    board = officer.get("/policy/board/SIP-08.2-01/")
    assert "Examine now" in board.content.decode()
    assert board["Referrer-Policy"] == "same-origin", "or a browser's form has no origin"
    for _ in range(2):
        answer = officer.post("/policy/board/examine/", wanted)
        assert answer["Location"] == "/policy/board/SIP-08.2-01/?profile=strict"
    with psycopg.connect(db.owner) as connection:
        (only,) = connection.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'promises.examine'"
        )
    run = UUID(hex=only[0]["run"])
    api.examination_step(run, "7 of 15: expired-gone")
    page = officer.get("/policy/board/?profile=strict").content.decode()
    assert "7 of 15: expired-gone" in page and 'http-equiv="refresh"' in page
    assert "Examine now" not in page
    assert 'http-equiv="refresh"' not in see("/policy/board/?profile=strict")
    api.end_examination(run, "the database was away")
    page = officer.get("/policy/board/?profile=strict").content.decode()
    assert "Examine now" in page and "the database was away" in page
    assert officer.post("/policy/board/examine/", {"profile": "lax"}).status_code == 404


def worker_that_begins(run: UUID) -> int:
    """Another process, which has begun the examination when this returns; its id."""
    told, tells = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            for connection in connections.all(initialized_only=True):
                connection.connection = None  # that is the parent's
            with api.running_examination(run) as begun:
                os.write(tells, b"1" if begun else b"0")
                signal.pause()
        finally:
            os._exit(1)
    assert os.read(told, 1) == b"1"
    return pid


def test_an_examination_whose_worker_is_killed_is_over_at_once(time: ManualClock) -> None:
    first = api.order_examination("strict", actor="test")
    pid = worker_that_begins(first.run)
    try:
        time.advance(timedelta(hours=2))  # slow, and alive
        assert api.get_order("strict").ended_at is None
        assert api.order_examination("strict", actor="test").run == first.run
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    while api.get_order("strict").ended_at is None:  # until the database has noticed
        sleep(0.01)
    assert "lost" in api.get_order("strict").failed
    second = api.order_examination("strict", actor="test")
    assert second.run != first.run and second.ended_at is None
    with api.running_examination(first.run) as begun:  # its job is tried again
        assert not begun
    with api.running_examination(second.run) as begun:
        assert begun
        assert api.get_order("strict").ended_at is None
        api.end_examination(second.run)
    assert api.get_order("strict").failed == ""


def test_an_examination_that_no_worker_begins_bars_no_other(time: ManualClock) -> None:
    first = api.order_examination("strict", actor="test")
    time.advance(timedelta(minutes=29))
    assert api.order_examination("strict", actor="test").run == first.run
    time.advance(timedelta(minutes=2))
    lost = api.get_order("strict")
    assert lost.ended_at is not None and "lost" in lost.failed
    second = api.order_examination("strict", actor="test")
    assert second.run != first.run and second.ended_at is None
    api.end_examination(first.run)
    assert api.get_order("strict").ended_at is None, "who comes late ends nothing"


def test_the_api_orders_an_examination_and_tells_of_it(db: DatabaseUrls) -> None:
    officer = person("privacy-officer", None)
    assert officer("get", "/promises/examinations/strict").json()["code"] == ("nothing_examined")
    answer = officer("post", "/promises/examinations", {"profile": "strict"})
    assert answer.status_code == 202, answer.content
    assert officer("get", "/promises/examinations/strict").json() == answer.json()
    assert officer("post", "/promises/examinations", {"profile": "lax"}).status_code == 422
