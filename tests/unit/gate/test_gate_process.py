"""The egress process and its clients: recorded first, then sent; killed, and nothing is lost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from aiohttp import web
from aiosmtpd.controller import Controller
from tests.egress_fixture import serving_egress
from tests.keys_fixture import Keys
from tests.unit.webhooks.conftest import (
    LOOP,
    LOOPBACK,
    Got,
    delivering,
    one_call,
    receiving,
    tenant,
    until,
    worker,
)
from tests.unit.webhooks.conftest import reach as reach
from tests.unit.webhooks.test_worker_killed import start

from ringfence.domains.processors import api as processors
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import NewEndpoint
from ringfence.entry.egress.main import SECRET
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.egress import EgressFailed, EgressRefused, Sending
from ringfence.platform.gate.client import EgressClient
from ringfence.platform.processor_settings import AgreementSettings, ProcessorSettings
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import MailSettings, NodeSettings, Settings
from ringfence.platform_django.clock import clock

__all__ = ["reach", "tenant", "worker"]
_COLUMNS = "tenant_id, receiver, template, host, fields, size, digest, refusal, outcome, status"


def rows(db: DatabaseUrls) -> list[Any]:
    with psycopg.connect(db.owner) as connection:
        query = f"SELECT {_COLUMNS} FROM processors_sent ORDER BY id"
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def tag(tenant: UUID, count: int) -> None:
    call = one_call(tenant)
    webhooks.enqueue_events(
        CallEvent(call, seq, clock().micros(), EventKind.CALL_TAGGED, tenant)
        for seq in range(1, count + 1)
    )


def test_a_row_is_committed_before_the_receiver_sees_anything(
    tenant: UUID, worker: None, db: DatabaseUrls
) -> None:
    seen: list[int] = []

    async def look(request: web.Request) -> web.StreamResponse:
        def count() -> int:
            with psycopg.connect(db.owner) as connection:  # commits of others alone are seen
                found = connection.execute("SELECT count(*) FROM processors_sent").fetchone()
            return found[0] if found else 0

        seen.append(await asyncio.to_thread(count))
        return web.Response()

    with receiving(look) as receiver:
        webhooks.create_endpoint(tenant, NewEndpoint(receiver.url, ("*",)))
        tag(tenant, 30)
        with delivering():
            until(lambda: len(receiver.got) == 30)
    assert all(count >= number for number, count in enumerate(sorted(seen), 1))
    found = rows(db)
    assert len(found) == 30
    assert {one[:4] for one in found} == {(tenant, "tenant", "webhook", "127.0.0.1")}
    assert {(one[7], one[8], one[9]) for one in found} == {(None, "answered", 200)}
    assert sorted(one[5] for one in found) == sorted(len(got.body) for got in receiver.got)
    assert {"type", "timestamp", "data.from_number"} <= set(found[0][4])
    shown = processors.list_sent(tenant, limit=200)
    assert {one.outcome for one in shown} == {"answered"}
    assert all((datetime.now(UTC) - one.at).total_seconds() < 120 for one in shown)


def test_the_ledger_holds_no_value_and_no_path(
    tenant: UUID, worker: None, db: DatabaseUrls
) -> None:
    with receiving() as receiver:
        webhooks.create_endpoint(tenant, NewEndpoint(receiver.url + "?token=s3cret", ("*",)))
        tag(tenant, 1)
        with delivering():
            until(lambda: receiver.got)
    got: Got = receiver.got[0]
    assert b"+14155550123" in got.body
    with psycopg.connect(db.owner) as connection:
        (text,) = connection.execute("SELECT processors_sent::text FROM processors_sent").fetchone()  # type: ignore[misc]
    assert "14155550123" not in text
    assert "s3cret" not in text
    assert "/hook" not in text
    assert hashlib.sha256(got.body).hexdigest() not in text, "it could be guessed"


def test_roles_that_serve_can_neither_change_nor_remove_a_row(
    tenant: UUID, worker: None, db: DatabaseUrls
) -> None:
    with receiving() as receiver:
        webhooks.create_endpoint(tenant, NewEndpoint(receiver.url, ("*",)))
        tag(tenant, 1)
        with delivering():
            until(lambda: receiver.got)
    for url in (db.app, db.operator, db.callplane, db.identity):
        for statement in (
            "UPDATE processors_sent SET host = 'x'",
            "DELETE FROM processors_sent",
            "INSERT INTO processors_sent (id) VALUES (gen_random_uuid())",
            "TRUNCATE processors_sent",
        ):
            with (
                psycopg.connect(url) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(statement)
    (row,) = rows(db)
    with psycopg.connect(db.owner) as connection:
        (id_,) = connection.execute("SELECT id FROM processors_sent").fetchone()  # type: ignore[misc]
    empty = "ARRAY[]::text[]"
    with psycopg.connect(db.callplane) as connection:  # an outcome is said once
        connection.execute(
            f"SELECT ringfence_record_egress(ARRAY[]::uuid[], ARRAY[]::uuid[], {empty}, {empty}, "
            f"{empty}, {empty}, {empty}, ARRAY[]::bigint[], ARRAY[]::bytea[], {empty}, now(), "
            "%s, ARRAY['forged'], ARRAY[1::smallint])",
            [[id_]],
        )
    assert rows(db) == [row]


def test_the_process_killed_in_the_act_loses_no_webhook(
    tenant: UUID, db: DatabaseUrls, keys: Keys, reach: None
) -> None:
    release = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    processes: list[subprocess.Popen[bytes]] = []
    with receiving(hold) as receiver:
        made = webhooks.create_endpoint(tenant, NewEndpoint(receiver.url, ("*",)))
        tag(tenant, 25)
        try:
            processes = [start(db, keys), start(db, keys, "egress")]
            until(lambda: receiver.under_way == 20, 40)
            processes[1].kill()
            processes[1].wait(10)
            until(lambda: receiver.under_way == 0)
            cut_off = len(receiver.got)
            LOOP.call_soon_threadsafe(release.set)
            processes.append(start(db, keys, "egress"))

            def states() -> list[str]:
                page = webhooks.list_deliveries(tenant, made.info.id, limit=200)
                return [one.state for one in page.deliveries]

            until(lambda: set(states()) == {"delivered"}, 60)
            processes[0].send_signal(signal.SIGTERM)
            assert processes[0].wait(20) == 0
        finally:
            for process in processes:
                process.kill()
                process.wait(10)
    assert len(set(receiver.ids)) == 25
    unknown = [one for one in rows(db) if one[8] is None]
    assert len(unknown) == cut_off == 20, "what was under way is not known"
    assert len(rows(db)) == len(receiver.got)


async def serve(app: web.Application) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    return runner, listener.getsockname()[1]


@pytest.fixture
def place(tmp_path: Any) -> Settings:
    return Settings(node=NodeSettings(data_dir=tmp_path), egress=LOOPBACK)


async def asked(settings: Settings, url: str, template: str = "webhook", **more: Any) -> Any:
    options: dict[str, Any] = {"timeout": 5, "max_bytes": 5 << 20, **more}
    async with EgressClient(settings) as client:
        who = Sending(template, UUID(int=7))
        return await client.fetch(options.pop("method", "POST"), url, sending=who, **options)


async def test_a_field_that_no_one_allowed_does_not_leave(
    place: Settings, db: DatabaseUrls
) -> None:
    got: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", take)
    runner, port = await serve(app)
    url, kind = f"http://127.0.0.1:{port}/x", {"content-type": "application/json"}
    try:
        with serving_egress(place, db.callplane):
            body = b'{"type": "t", "data": {"ssn": "1"}}'
            with pytest.raises(EgressRefused) as caught:
                await asked(place, url, headers=kind, body=body)
            assert caught.value.code == "egress_field_not_allowed"
            with pytest.raises(EgressRefused) as caught:
                await asked(place, url, "advertiser", headers=kind, body=b'{"type": "t"}')
            assert caught.value.code == "egress_not_registered"
            with pytest.raises(EgressRefused) as caught:
                await asked(place, url, "remote_audio", body=b"x")
            assert caught.value.code == "egress_field_not_allowed"
            assert got == []
            fine = b'{"type": "t"}'
            assert (await asked(place, url, headers=kind, body=fine)).body == b"ok"
    finally:
        await runner.cleanup()
    assert got == [fine]
    refused, sent = rows(db)[:3], rows(db)[3]
    assert [one[7] for one in refused] == [
        "egress_field_not_allowed", "egress_not_registered", "egress_field_not_allowed",
    ]  # fmt: skip
    assert all(one[4] == [] for one in refused)
    secret = installation_secret(place.data_dir, SECRET).encode()
    assert sent[6] == hmac.digest(secret, fine, "sha256")
    assert sent[4:6] == (["type"], len(fine))


async def test_each_hop_of_a_redirect_has_a_row_of_its_own(
    place: Settings, db: DatabaseUrls
) -> None:
    async def end(request: web.Request) -> web.Response:
        return web.Response(text="end")

    app = web.Application()
    app.router.add_route("*", "/end", end)
    runner, port = await serve(app)

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"http://localhost:{port}/end")

    other = web.Application()
    other.router.add_route("*", "/", away)
    second, first_port = await serve(other)
    try:
        with serving_egress(place, db.callplane):
            answer = await asked(
                place, f"http://127.0.0.1:{first_port}/", "remote_audio", method="GET", redirects=2
            )
            assert (answer.body, answer.redirected) == (b"end", True)
    finally:
        await runner.cleanup()
        await second.cleanup()
    assert [(one[3], one[8]) for one in rows(db)] == [
        ("127.0.0.1", "redirected"),
        ("localhost", "answered"),
    ]


async def test_a_long_answer_comes_whole(place: Settings, db: DatabaseUrls) -> None:
    content = os.urandom(4_500_000)

    async def give(request: web.Request) -> web.Response:
        return web.Response(body=content)

    app = web.Application()
    app.router.add_get("/", give)
    runner, port = await serve(app)
    try:
        with serving_egress(place, db.callplane):
            url = f"http://127.0.0.1:{port}/"
            answer = await asked(place, url, "remote_audio", method="GET")
            assert answer.body == content
            with pytest.raises(EgressFailed) as caught:
                await asked(place, url, "remote_audio", method="GET", max_bytes=100)
            assert caught.value.details == {"reason": "too_large", "status": 200}
    finally:
        await runner.cleanup()


async def test_what_cannot_be_recorded_does_not_leave(place: Settings) -> None:
    got: list[str] = []

    async def take(request: web.Request) -> web.Response:
        got.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", take)
    runner, port = await serve(app)
    try:
        with serving_egress(place, "host=127.0.0.1 port=1 user=x"):
            with pytest.raises(EgressFailed) as caught:
                await asked(place, f"http://127.0.0.1:{port}/", "remote_audio", method="GET")
            assert caught.value.details == {"reason": "ledger"}
    finally:
        await runner.cleanup()
    assert got == []


async def test_a_document_is_asked_for_again_when_the_process_comes_back(
    place: Settings, db: DatabaseUrls
) -> None:
    hold, came = asyncio.Event(), asyncio.Event()

    async def give(request: web.Request) -> web.Response:
        came.set()
        await hold.wait()
        return web.Response(text="doc")

    app = web.Application()
    app.router.add_get("/", give)
    runner, port = await serve(app)
    url = f"http://127.0.0.1:{port}/"
    try:
        with serving_egress(place, db.callplane):
            asking = asyncio.ensure_future(
                asked(place, url, "flow_document", method="GET", timeout=10)
            )
            await came.wait()
        hold.set()  # the first process is gone
        with serving_egress(place, db.callplane):
            assert (await asking).body == b"doc"
        with pytest.raises(EgressFailed) as caught:
            await asked(place, url, "flow_document", method="GET", timeout=0.2)
        assert caught.value.details == {"reason": "gate"}
    finally:
        await runner.cleanup()


async def test_another_user_is_not_served(place: Settings, db: DatabaseUrls) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with serving_egress(place, db.callplane):
        place.egress_socket.chmod(0o666)
        for folder in (place.run_dir, *place.run_dir.parents):
            if folder.stat().st_mode & 0o001 == 0:
                folder.chmod(folder.stat().st_mode | 0o011)
        code = (
            "import asyncio, sys\n"
            "from ringfence.platform.gate.messages import MailAsk, FetchReply\n"
            "from ringfence.platform.rpc import RpcClient, RpcError\n"
            "async def main():\n"
            "    client = RpcClient(__import__('pathlib').Path(sys.argv[1])); client.start()\n"
            "    try: await client.call('mail', MailAsk('a', 'b', 'c'), FetchReply, timeout=5)\n"
            "    except RpcError as error: print(error.code)\n"
            "asyncio.run(main())"
        )
        done = await asyncio.to_thread(
            subprocess.run,
            [
                *("setpriv", "--reuid=65534", "--clear-groups"),
                *(sys.executable, "-c", code, str(place.egress_socket)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.strip() == "egress_not_ours", done.stderr[-400:]


class Sink:
    """Keeps what an SMTP server took."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.content)
        return "250 taken"


@pytest.mark.promise("CCA-07.0-02")
@pytest.mark.parametrize("bound", [False, True])
async def test_a_processor_without_an_agreement_gets_nothing(
    place: Settings, db: DatabaseUrls, bound: bool
) -> None:
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = Controller(sink, hostname="127.0.0.1", port=port)
    server.start()
    agreement = AgreementSettings(sha256="ab" * 32, signed_on=date(2020, 1, 1))
    mailer = ProcessorSettings(
        hosts=("127.0.0.1",), templates=("mail",), country="US", safeguard="dpf",
        agreement=agreement if bound else None,
    )  # fmt: skip
    settings = place.model_copy(
        update={
            "processors": {"mailer": mailer},
            "mail": MailSettings(smtp_url=f"smtp://127.0.0.1:{port}"),
        }
    )
    try:
        with serving_egress(settings, db.callplane):
            async with EgressClient(settings) as client:
                if bound:
                    await client.mail("ada@engines.example", "Hello", "text")
                else:
                    with pytest.raises(EgressRefused) as caught:
                        await client.mail("ada@engines.example", "Hello", "text")
                    assert caught.value.code == "processor_agreement_missing"
    finally:
        await asyncio.to_thread(server.stop)
    (row,) = rows(db)
    assert row[2:4] == ("mail", "127.0.0.1")
    if bound:
        assert len(sink.taken) == 1
        assert (row[1], row[4], row[8]) == ("mailer", ["from", "subject", "text", "to"], "answered")
    else:
        assert sink.taken == []
        assert row[7] == "processor_agreement_missing"
