"""The process ``worker``, killed while it sends: nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from uuid import UUID

import psycopg
from aiohttp import web
from tests.keys_fixture import Keys
from tests.unit.webhooks.conftest import LOOP, one_call, receiving, until, verify

from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import NewEndpoint
from ringfence.domains.webhooks.outbox import LEASE
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import clock

MESSAGES = 25


def start(urls: DatabaseUrls, keys: Keys, name: str = "worker") -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "RINGFENCE_NODE__DATA_DIR": str(keys.settings.data_dir),
        "RINGFENCE_DATABASE__OWNER_URL": urls.owner,
        "RINGFENCE_DATABASE__APP_URL": urls.app,
        "RINGFENCE_DATABASE__OPERATOR_URL": urls.operator,
        "RINGFENCE_DATABASE__CALLPLANE_URL": urls.callplane,
        "RINGFENCE_DATABASE__IDENTITY_URL": urls.identity,
        "RINGFENCE_EGRESS__ALLOW_NETWORKS": '["127.0.0.0/8"]',
    }
    code = f"from ringfence.entry.cli import cli; cli(['{name}'])"
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def test_a_worker_killed_in_the_act_loses_nothing(
    tenant: UUID, db: DatabaseUrls, keys: Keys, reach: None
) -> None:
    release = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    started: list[subprocess.Popen[bytes]] = []
    call = one_call(tenant)
    with receiving(hold) as receiver:
        made = webhooks.create_endpoint(tenant, NewEndpoint(receiver.url, ("*",)))
        webhooks.enqueue_events(
            CallEvent(call, seq, clock().micros(), EventKind.CALL_TAGGED, tenant)
            for seq in range(1, MESSAGES + 1)
        )
        try:
            started += [start(db, keys), start(db, keys, "egress")]
            until(lambda: receiver.under_way == 20, 40)
            started[0].kill()
            started[0].wait(10)
            until(lambda: receiver.under_way == 0)
            cut_off = set(receiver.ids)
            LOOP.call_soon_threadsafe(release.set)
            with psycopg.connect(db.owner, autocommit=True) as connection:  # a minute passes
                connection.execute(
                    "UPDATE webhooks_delivery SET next_attempt_at = next_attempt_at - %s",
                    [LEASE + timedelta(seconds=1)],
                )
            started.append(start(db, keys))
            until(
                lambda: (
                    {
                        one.state
                        for one in webhooks.list_deliveries(
                            tenant, made.info.id, limit=200
                        ).deliveries
                    }
                    == {"delivered"}
                ),
                40,
            )
            for process in started[1:]:
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
        finally:
            for process in started:
                process.kill()
                process.wait(10)
    assert len(cut_off) == 20
    assert len(set(receiver.ids)) == MESSAGES
    assert len(receiver.got) == MESSAGES + 20, "what was cut off came again"
    assert all(verify(made.secret, one.headers, one.body) for one in receiver.got)
