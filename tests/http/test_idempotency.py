"""A POST sent again by the same key: one effect, one answer, also across a crash."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.test import Client
from tests.api import Someone, ask, someone
from tests.keys_fixture import Keys

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import http
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.tasks import remove_expired_answers

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BODY = {"name": "new", "scopes": ["calls:read"]}


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def post(key: str, name: str | None = "k1", body: Any = None, path: str = "/keys") -> Any:
    named = {} if name is None else {"Idempotency_Key": name}
    return ask("post", path, key, BODY if body is None else body, **named)


def made(someone: Someone) -> int:
    """Keys that the requests of a test made."""
    return len(accounts.list_api_keys(someone.tenant)) - 1


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_same_request_is_done_once(acme: Someone) -> None:
    first, second = post(acme.secret), post(acme.secret)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content, "also the secret, which is stored nowhere in clear"
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert made(acme) == 1
    assert post(acme.secret, "k2").json()["id"] != first.json()["id"]
    assert post(acme.secret, None).status_code == post(acme.secret, None).status_code == 201
    assert made(acme) == 4


def test_another_request_by_the_same_key_is_refused(acme: Someone) -> None:
    assert post(acme.secret).status_code == 201
    assert code(post(acme.secret, body=BODY | {"name": "other"})) == (422, "idempotency_conflict")
    assert code(post(acme.secret, path="/live/tickets")) == (422, "idempotency_conflict")
    answer = ask(
        "post", "/keys", acme.secret, BODY, Idempotency_Key="k1", Ringfence_Purpose="support"
    )
    assert code(answer) == (422, "idempotency_conflict")
    assert made(acme) == 1


def test_a_failure_is_not_kept(acme: Someone) -> None:
    wrong = BODY | {"scopes": ["nonsense"]}
    assert code(post(acme.secret, body=wrong)) == (422, "unknown_scope")
    assert post(acme.secret).status_code == 201, "the corrected request may use the key"


@pytest.mark.parametrize("name", ["", "x" * 256, "a\u00e9", "a\tb"])
def test_odd_keys(acme: Someone, name: str) -> None:
    assert code(post(acme.secret, name)) == (422, "invalid_idempotency_key")
    assert made(acme) == 0


def test_keys_of_others_are_other_keys(acme: Someone) -> None:
    bolt = someone("Bolt")
    sibling = post(acme.secret, None, BODY | {"scopes": ["keys:write", "calls:read"]}).json()
    ids = {post(key).json()["id"] for key in (acme.secret, bolt.secret, sibling["secret"])}
    assert len(ids) == 3


def test_the_operators_too(db: DatabaseUrls) -> None:
    operator = accounts.create_operator_key().secret
    first = post(operator, body={"name": "Acme"}, path="/tenants")
    second = post(operator, body={"name": "Acme"}, path="/tenants")
    assert first.status_code == 201
    assert first.content == second.content
    assert len(accounts.list_tenants()) == 1


def test_a_day_later_it_is_a_new_request(acme: Someone, db: DatabaseUrls) -> None:
    clock = ManualClock(START)
    with use_clock(clock):
        first = post(acme.secret).json()["id"]
        clock.advance(timedelta(hours=24) - timedelta(seconds=1))
        assert post(acme.secret).json()["id"] == first
        remove_expired_answers(timestamp=0)
        assert kept(db) == 1
        clock.advance(timedelta(seconds=1))
        assert post(acme.secret).json()["id"] != first
        clock.advance(timedelta(hours=24))
        remove_expired_answers(timestamp=0)
        assert kept(db) == 0


def kept(db: DatabaseUrls) -> int:
    with psycopg.connect(db.owner) as connection:
        row = connection.execute("SELECT count(*) FROM platform_idempotent_request").fetchone()
    assert row is not None
    return int(row[0])


def test_what_is_kept_tells_nothing(acme: Someone, db: DatabaseUrls) -> None:
    """The answer is sealed; of key and body not even a hash stands there that can be guessed."""
    number = "+14155550199"
    answer = post(acme.secret, number)
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT name, response_sealed, t::text FROM platform_idempotent_request t"
        ).fetchone()
    assert row is not None
    assert len(row[0]) == 32 and len(row[1]) > len(answer.content)
    for mark in (number.encode(), answer.json()["secret"].encode(), hashlib.sha256(
        number.encode()).digest()):  # fmt: skip
        assert mark not in row[0] + row[1] and mark.hex() not in row[2]
        assert mark.decode("latin-1") not in row[2]


def test_without_keys_nothing_is_done(acme: Someone, keys: Keys) -> None:
    keys.stop()
    try:
        assert code(post(acme.secret)) == (503, "unavailable")
        assert made(acme) == 0
    finally:
        keys.start()
    assert post(acme.secret).status_code == 201


def test_an_upload_is_told_by_its_content(acme: Someone) -> None:
    """Multipart boundaries differ from request to request."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import RequestFactory

    from ringfence.platform_django.idempotency import _fingerprint

    def upload(content: bytes, name: str = "a.wav", label: str = "x", boundary: int = 0) -> str:
        data = {"file": SimpleUploadedFile(name, content), "label": label}
        request = RequestFactory().post("/p", data)
        assert request.content_type == "multipart/form-data"
        result = _fingerprint(request)
        assert request.FILES["file"].read() == content, "the route still reads it"
        return result

    same = upload(b"abc")
    assert upload(b"abc") == same
    assert len({same, upload(b"abd"), upload(b"abc", "b.wav"), upload(b"abc", label="y")}) == 4


def test_while_it_is_served_the_same_is_refused(
    acme: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = threading.Event(), threading.Event()
    plain = http.rendered

    def slow(request: Any, result: Any) -> Any:
        entered.set()
        assert leave.wait(30)
        return plain(request, result)

    monkeypatch.setattr(http, "rendered", slow)
    answers: list[Any] = []

    def first() -> None:
        try:
            answers.append(post(acme.secret))
        finally:
            connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert entered.wait(30)
        again = post(acme.secret)
        assert code(again) == (409, "idempotency_in_progress")
        assert again.headers["Retry-After"] == "1"
    finally:
        leave.set()
        thread.join(30)
    assert answers[0].status_code == 201
    assert post(acme.secret).content == answers[0].content
    assert made(acme) == 1


_SERVER = """
import os, signal, sys
from wsgiref.simple_server import make_server
from ringfence.entry.database import setup_django
setup_django("web")
from django.core.wsgi import get_wsgi_application
from django.db.backends.postgresql.base import DatabaseWrapper
moment, serve, commit = sys.argv[1], get_wsgi_application(), DatabaseWrapper._commit
posting = False

def committed(self):
    if posting and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self)

def application(environ, start_response):
    global posting
    posting = environ["REQUEST_METHOD"] == "POST"
    answer = serve(environ, start_response)
    if posting and moment == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

DatabaseWrapper._commit = committed
server = make_server("127.0.0.1", 0, application)
print(server.server_port, flush=True)
server.serve_forever()
"""


Start = Callable[[str], tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def web(db: DatabaseUrls, keys: Keys) -> Iterator[Start]:
    """Starts the application in a process that kills itself ``before`` or ``after`` a commit."""
    started: list[subprocess.Popen[str]] = []
    environment = {
        **os.environ,
        "RINGFENCE_NODE__DATA_DIR": str(keys.settings.data_dir),
        "RINGFENCE_DATABASE__OWNER_URL": db.owner,
        "RINGFENCE_DATABASE__APP_URL": db.app,
        "RINGFENCE_DATABASE__OPERATOR_URL": db.operator,
        "RINGFENCE_DATABASE__CALLPLANE_URL": db.callplane,
        "RINGFENCE_DATABASE__IDENTITY_URL": db.identity,
    }

    def start(moment: str) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, moment],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=Path.cwd(),
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def send(port: int, key: str) -> tuple[int, bytes, str | None]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/keys",
        data=b'{"name": "new", "scopes": ["calls:read"]}',
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": "crash",
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, answer.read(), answer.headers["Idempotency-Replayed"]


@pytest.mark.parametrize(("moment", "left"), [("before", 0), ("after", 1)])
def test_killed_around_the_commit(acme: Someone, web: Start, moment: str, left: int) -> None:
    process, port = web(moment)
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        send(port, acme.secret)
    assert process.wait(10) == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while made(acme) != left:
        assert time.monotonic() < deadline, "both the key and its answer, or neither"
        time.sleep(0.05)
    _, port = web("never")
    status, body, replayed = send(port, acme.secret)
    assert (status, replayed) == (201, "true" if left else None)
    assert send(port, acme.secret) == (201, body, "true")
    assert made(acme) == 1


def test_the_header_is_not_needed(acme: Someone) -> None:
    answer = Client().post(
        "/api/v1/live/tickets", headers={"Authorization": f"Bearer {acme.secret}"}
    )
    assert answer.status_code == 201
