"""Kept answers and mails, attacked with a copy of their rows and every key that is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from procrastinate.contrib.django import app
from tests.api import Someone, ask, someone
from tests.keys_fixture import Keys
from tests.promises import attacker
from tests.signing_in import mails

from ringfence.domains.privacy import api as privacy
from ringfence.entry.promises.attack import derivable
from ringfence.kernel.fields import INSTALLATION, SealedFieldNumber
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django import mail as outbox
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.platform_django.keys import use_keys
from ringfence.platform_django.passing import living, open_passing, seal_passing
from ringfence.platform_django.use import using

NUMBER = "+14155550142"
ANSWER, MAIL = SealedFieldNumber.IDEMPOTENT_RESPONSE, SealedFieldNumber.MAIL
SIX_HOURS = timedelta(hours=6)


@pytest.fixture
def acme(db: DatabaseUrls, keys: Keys) -> Iterator[Someone]:
    with use_clock(keys.clock):
        yield someone()


def post(one: Someone, name: str = "k1") -> Any:
    """Makes a key whose name is a number, once; the answer, which is kept, says it."""
    body = {"name": NUMBER, "scopes": ["calls:read"]}
    return ask("post", "/keys", one.secret, body, Idempotency_Key=name)


class Copy:
    """What a backup holds of a table, and whether any key of now opens all or none of it."""

    def __init__(
        self, db: DatabaseUrls, keys: Keys, tenant: UUID, number: SealedFieldNumber
    ) -> None:
        table, column = {
            ANSWER: ("platform_idempotent_request", "response_sealed"),
            MAIL: ("platform_mail", "mail_sealed"),
        }[number]
        self._keys, self._tenant = keys, tenant
        place = Bucket("passing", "passing", account=tenant)
        whose = None if tenant == INSTALLATION else tenant
        with psycopg.connect(db.owner) as connection:
            rows = connection.execute(
                f"SELECT id, {column} FROM {table} WHERE tenant_id IS NOT DISTINCT FROM %s",
                [whose],
            ).fetchall()
        assert rows
        self._values = [
            Value(LeafRef(None), Place(tenant, number, id_, None, place), sealed)
            for id_, sealed in rows
        ]

    def opens(self) -> bool:
        server = self._keys.server
        assert server is not None
        left = set(
            self._keys._run(server.owner.run(lambda store: derivable(store, self._tenant, [], [])))
        )
        assert left
        found = {any(_says(key, value) for key in left) for value in self._values}
        assert len(found) == 1
        return found.pop()


def _says(key: bytes, value: Value) -> bool:
    nonce, body = value.data[1:13], value.data[13:-16]
    return NUMBER.encode() in attacker.stream(key, nonce, body)


def collect(keys: Keys) -> None:
    with use_keys(keys.blocking("worker")):
        privacy.collect_orphans()


def test_after_a_day_and_a_half_no_key_opens_them(
    acme: Someone, db: DatabaseUrls, keys: Keys
) -> None:
    """As the schedule has it: orphans are looked for every six hours."""
    ((_, cron),) = [
        (task.task.name, task.cron)
        for task in app.periodic_registry.periodic_tasks.values()
        if task.task.name == "privacy.orphans"
    ]
    assert cron == "37 3,9,15,21 * * *"
    assert post(acme).status_code == 201
    outbox.queue_mail("ana@example.com", "Hello", f"about {NUMBER}")
    answers, sent = Copy(db, keys, acme.tenant, ANSWER), Copy(db, keys, INSTALLATION, MAIL)
    with use_keys(keys.blocking("worker")), psycopg.connect(db.owner) as connection:
        row = connection.execute("SELECT id FROM platform_mail").fetchone()
        assert row is not None and outbox.send_queued(row[0])
    for _ in range(3):
        keys.clock.advance(SIX_HOURS)
        collect(keys)
        assert post(acme).headers["Idempotency-Replayed"] == "true"
    keys.clock.advance(SIX_HOURS - timedelta(minutes=2))
    collect(keys)
    assert answers.opens() and sent.opens(), "or nothing of this proves anything"
    assert post(acme).headers["Idempotency-Replayed"] == "true", "for a day"
    for _ in range(2):
        keys.clock.advance(SIX_HOURS)
        collect(keys)
    assert not answers.opens() and not sent.opens()


def test_an_erasure_ends_the_answers_of_its_tenant_at_once(
    acme: Someone, db: DatabaseUrls, keys: Keys
) -> None:
    bolt = someone("Bolt")
    assert post(acme).status_code == post(bolt).status_code == 201
    outbox.queue_mail("ana@example.com", "Hello", f"about {NUMBER}")
    mine, theirs = (Copy(db, keys, one.tenant, ANSWER) for one in (acme, bolt))
    waiting = Copy(db, keys, INSTALLATION, MAIL)
    assert mine.opens()
    assert theirs.opens()
    assert waiting.opens()
    worker = keys.blocking("worker")
    (found,) = worker.resolve(acme.tenant, [Identifier("e164", NUMBER)])
    with use_keys(worker):
        done = privacy.destroy_person(acme.tenant, found.person, actor="test")
    assert (done.state, done.items) == ("cleaned", 0)
    assert not mine.opens()
    assert theirs.opens() and waiting.opens(), "a mail is still to be sent"
    lost = post(acme)
    assert (lost.status_code, lost.json()["code"]) == (410, "answer_lost"), "and not done twice"
    assert post(bolt).headers["Idempotency-Replayed"] == "true"
    assert post(acme, "k2").status_code == 201
    assert post(acme, "k2").headers["Idempotency-Replayed"] == "true"
    fresh = Copy(db, keys, bolt.tenant, ANSWER)
    assert fresh.opens()


def test_a_mail_that_waits_longer_than_its_key(db: DatabaseUrls, keys: Keys) -> None:
    with use_clock(keys.clock):
        outbox.queue_mail("ana@example.com", "Hello", f"about {NUMBER}")
        first = Copy(db, keys, INSTALLATION, MAIL)
        for _ in range(8):
            keys.clock.advance(SIX_HOURS)
            collect(keys)
            assert [mail["subject"] for mail in mails()] == ["Hello"], "it waits, once"
        assert not first.opens()
        with psycopg.connect(db.owner) as connection:
            jobs = connection.execute(
                "SELECT args->>'mail' FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
                [outbox.TASK],
            ).fetchall()
        with use_keys(keys.blocking("worker")):
            sent = [outbox.send_queued(UUID(job)) for (job,) in jobs]
        assert sent == [False] * (len(jobs) - 1) + [True] and len(jobs) > 3
        outbox.queue_mail("ana@example.com", "Hello", "text")
        for _ in range(12):
            keys.clock.advance(SIX_HOURS)
            collect(keys)
        assert outbox.remove_unsent() == 1, "three days since it was queued first"


def test_as_many_erasures_as_there_are(db: DatabaseUrls, keys: Keys) -> None:
    """Whatever was destroyed in these hours: what is kept next has a key, and opens."""
    tenant, worker = someone().tenant, keys.blocking("worker")
    before: list[tuple[UUID, bytes]] = []
    with use_clock(keys.clock), use_keys(worker), using("service", "test"):
        for round_ in range(11):
            row = new_id()
            sealed = seal_passing(tenant, ANSWER, row, b"%d" % round_)
            assert open_passing(tenant, ANSWER, row, sealed) == b"%d" % round_
            for other, value in before[:8]:
                assert open_passing(tenant, ANSWER, other, value) is None
            assert open_passing(tenant, MAIL, row, sealed) is None
            before.append((row, sealed))
            items = living(tenant, ANSWER)
            assert len(items) == (round_ < 8)
            worker.destroy(tenant, Destruction(items=tuple(items)), actor="test")
