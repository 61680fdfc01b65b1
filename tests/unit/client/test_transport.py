"""What the client sends again, what it does not, and what it says then."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.client.server import DROP, Answer, Came, Server, in_turn, problem

from ringfence.client import (
    ApiError,
    Client,
    ClientError,
    Conflict,
    ConnectionFailed,
    InvalidAnswer,
    NotFound,
    PreconditionFailed,
    RateLimited,
    ServerError,
    Unavailable,
)

KEY = "rfk_secret"
ACCEPTED = Answer(201, b'{"id": "CA1", "state": "accepted"}')
TARGET = {
    "id": "TG1", "name": "Desk", "kind": "sip", "trunk": None, "number": None,
    "sip": "sip:desk@pbx.example", "device": None, "enabled": True,
}  # fmt: skip


def client(server: Server, **options: Any) -> Client:
    return Client(server.url, KEY, **{"timeout": 10.0, **options})


def originate(to: Client) -> str:
    return to.calls.originate(to="+12025550100", caller_id="PN1", flow="FW1").id


def test_a_post_is_sent_again_by_the_same_key() -> None:
    busy = problem(409, "idempotency_in_progress", Retry_After="0")
    away = problem(503, "unavailable", Retry_After="0")
    with Server(in_turn(DROP, busy, away, ACCEPTED)) as server, client(server) as api:
        assert originate(api) == "CA1"
        assert originate(api) == "CA1"
    first, *again, other = server.came
    assert len(again) == 3
    assert {(one.headers["Idempotency-Key"], one.body) for one in again} == {
        (first.headers["Idempotency-Key"], first.body)
    }
    assert other.headers["Idempotency-Key"] != first.headers["Idempotency-Key"]
    assert json.loads(first.body) == {"to": "+12025550100", "caller_id": "PN1", "flow": "FW1"}


def test_a_key_of_ones_own() -> None:
    with Server(in_turn(ACCEPTED)) as server, client(server) as api:
        api.calls.hangup("CA1", idempotency_key="end of order 7")
    assert server.came[0].headers["Idempotency-Key"] == "end of order 7"


def test_a_read_is_sent_again() -> None:
    cut = Answer(cut=3)
    limited = problem(429, "rate_limited", Retry_After="0")
    with Server(in_turn(DROP, limited, cut, problem(502, "x"), Answer())) as server:
        assert client(server).health.get().status == "ok"
    assert len(server.came) == 5


def test_a_change_is_not_sent_again_when_it_may_have_been_done() -> None:
    with Server(in_turn(DROP)) as server, client(server) as api:
        with pytest.raises(ConnectionFailed):
            api.targets.update("TG1", name="Desk", etag='"1"')
        with pytest.raises(ConnectionFailed):
            api.targets.delete("TG1")
    assert len(server.came) == 2


def test_a_change_is_sent_again_when_it_was_not_served() -> None:
    target = Answer(body=json.dumps(TARGET).encode(), headers={"ETag": '"2"'})
    away = problem(503, "unavailable", Retry_After="0")
    with Server(in_turn(away, target)) as server, client(server) as api:
        assert api.targets.update("TG1", name="Desk", etag='"1"').etag == '"2"'
    assert [one.headers["If-Match"] for one in server.came] == ['"1"', '"1"']


def test_what_was_never_sent_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens yet when the call begins."""
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def begin(_: float) -> None:
        listener.listen()
        server.start()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        server = threading.Thread(target=serve)
        monkeypatch.setattr(time, "sleep", begin)  # what it does between two attempts
        Client(f"http://127.0.0.1:{listener.getsockname()[1]}", KEY).targets.delete("TG1")
        server.join(20)
    assert asked[0].startswith(b"DELETE /api/v1/targets/TG1 ")


@pytest.mark.parametrize("answer", [problem(503, "unavailable"), DROP])
def test_it_ends_within_the_timeout(answer: Answer) -> None:
    with Server(in_turn(answer)) as server, client(server, timeout=1.0) as api:
        begun = time.monotonic()
        with pytest.raises((Unavailable, ConnectionFailed)):
            api.health.get()
        assert time.monotonic() - begun < 1.5
    assert len(server.came) > 1


def test_it_does_not_wait_longer_than_the_timeout() -> None:
    limited = problem(429, "rate_limited", Retry_After="60")
    with Server(in_turn(limited)) as server, pytest.raises(RateLimited) as caught:
        client(server).health.get()
    assert caught.value.retry_after == 60.0
    assert len(server.came) == 1


def test_a_silent_server() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(ConnectionFailed):
            Client(url, KEY, timeout=1.0, attempt_timeout=0.3).health.get()
        assert 0.3 < time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (409, Conflict), (412, PreconditionFailed), (418, ApiError),
     (500, ServerError)],
)  # fmt: skip
def test_errors(status: int, kind: type[ApiError]) -> None:
    refusal = problem(status, "some_code")
    with Server(in_turn(refusal)) as server, pytest.raises(ApiError) as caught:
        originate(client(server))
    assert type(caught.value) is kind
    error = caught.value
    assert (error.status, error.code, error.message) == (status, "some_code", "no")
    assert error.details == {"why": "so"}
    assert len(server.came) == 1


def test_what_is_no_answer_of_the_api() -> None:
    html = Answer(403, b"<html>proxy</html>")
    with Server(in_turn(html, Answer(), Answer(302, b"", {"Location": "/elsewhere"}))) as server:
        api = client(server)
        with pytest.raises(ApiError) as caught:
            api.health.get()
        assert caught.value.code == "unknown"
        with pytest.raises(InvalidAnswer):
            api.calls.get("CA1")
        with pytest.raises(ApiError) as caught:
            api.health.get()
        assert caught.value.status == 302, "the key goes nowhere else"
    assert len(server.came) == 3


def test_etags() -> None:
    target = Answer(body=json.dumps(TARGET).encode(), headers={"ETag": '"1"'})
    with Server(in_turn(target)) as server, client(server) as api:
        found = api.targets.get("TG1")
        assert found.etag == '"1"'
        api.targets.update(found, trunk=None, enabled=False)
        api.targets.update("TG1", name="x", etag="*")
        api.targets.update(found, name="x", etag='"0"')
        with pytest.raises(ValueError, match="etag"):
            api.targets.update("TG1", name="x")
    _, *changes = server.came
    assert [one.headers["If-Match"] for one in changes] == ['"1"', "*", '"0"']
    assert json.loads(changes[0].body) == {"trunk": None, "enabled": False}, "None is sent"


def test_pages() -> None:
    def answer(request: Came) -> Answer:
        page = {"": (["a", "b"], "b"), "before=b": (["c"], "c"), "before=c": ([], None)}
        query = request.path.partition("?")[2].removeprefix("limit=2").removeprefix("&")
        query = query.removesuffix("&limit=2")
        names, following = page[query]
        targets = [{**TARGET, "id": name} for name in names]
        return Answer(body=json.dumps({"targets": targets, "next": following}).encode())

    with Server(answer) as server, client(server) as api:
        found = api.targets.iter(limit=2)
        assert [next(found).id, next(found).id] == ["a", "b"]
        assert len(server.came) == 1, "the next page is read when it is needed"
        assert [one.id for one in found] == ["c"]
    assert len(server.came) == 3
    assert server.connections == 1, "one connection serves them all"


def test_headers_and_query() -> None:
    empty = Answer(body=b'{"calls": [], "next": null}')
    with Server(in_turn(empty)) as server, client(server, purpose="support") as api:
        api.calls.list(since=datetime(2026, 1, 2, tzinfo=UTC), tag_value="a b&c", purpose=None)
        api.calls.list(purpose="service")
        with pytest.raises(ValueError, match="time zone"):
            api.calls.list(since=datetime(2026, 1, 2))  # noqa: DTZ001
    first, second = server.came
    assert first.path == "/api/v1/calls?since=2026-01-02T00%3A00%3A00%2B00%3A00&tag_value=a+b%26c"
    assert first.headers["Ringfence-Purpose"] == "support"
    assert second.headers["Ringfence-Purpose"] == "service"
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert "Idempotency-Key" not in first.headers


@pytest.mark.parametrize("wrong", ["", ".", ".."])
def test_an_id_is_no_path(wrong: str) -> None:
    with Server(in_turn(problem(404, "not_found"))) as server, client(server) as api:
        with pytest.raises(ValueError, match="id is missing"):
            api.calls.get(wrong)
        with pytest.raises(NotFound):
            api.calls.get("../calls?x#y")
    assert [one.path for one in server.came] == ["/api/v1/calls/..%2Fcalls%3Fx%23y"]


def test_the_key_is_not_shown() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    api = Client(url, KEY, timeout=0.5)
    assert repr(api) == f"Client({url!r})"
    with pytest.raises(ConnectionFailed) as failed:
        api.health.get()
    with pytest.raises(ValueError, match="api_key") as refused:
        Client(url, f"{KEY}\r\nX: y")
    for shown in (repr(api.calls), str(failed.value), repr(failed.value), str(refused.value)):
        assert KEY not in shown


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://user:word@x"])
def test_odd_addresses(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client(url, KEY)


def test_upload(tmp_path: Path) -> None:
    file = tmp_path / "welcome.wav"
    file.write_bytes(b"RIFF")
    prompt = Answer(
        201,
        b'{"id": "PM1", "name": "W", "sha256": "", "bytes": 4, "seconds": 1, "created_at": '
        b'"2026-01-01T00:00:00Z"}',
    )
    with Server(in_turn(DROP, prompt)) as server, client(server) as api:
        assert api.prompts.create(name="W", file=file).seconds == 1.0
        api.prompts.create(name="W", file=b"RIFF")
        api.prompts.create(name="W", file=io.BytesIO(b"RIFF"))
    assert server.came[0].body == server.came[1].body
    for one in server.came:
        assert one.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert b"RIFF" in one.body and b'name="name"' in one.body
    assert b'filename="welcome.wav"' in server.came[0].body


def test_download(tmp_path: Path) -> None:
    sound = bytes(range(256)) * 1000
    whole, cut = Answer(body=sound), Answer(body=sound, cut=1000)
    target = tmp_path / "call.wav"
    with Server(in_turn(cut, whole)) as server, client(server) as api:
        assert api.recordings.download_audio("RE1", target, format="wav") == len(sound)
    assert target.read_bytes() == sound
    assert target.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [target]
    assert len(server.came) == 2
    buffer = io.BytesIO()
    with Server(in_turn(whole, cut)) as server, client(server) as api:
        assert api.recordings.download_audio("RE1", buffer) == len(sound)
        assert buffer.getvalue() == sound
        with pytest.raises(ConnectionFailed):
            api.recordings.download_audio("RE1", io.BytesIO())
        assert len(server.came) == 2, "part of it was written"
    with Server(in_turn(problem(404, "not_found"))) as server, pytest.raises(NotFound):
        client(server).recordings.download_audio("RE1", tmp_path / "none.wav")
    assert list(tmp_path.iterdir()) == [target]


def test_many_threads() -> None:
    failed: list[ClientError] = []
    with Server(in_turn(Answer())) as server, client(server, connections=4) as api:

        def work() -> None:
            try:
                for _ in range(20):
                    api.health.get()
            except ClientError as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert not failed and len(server.came) == 160
