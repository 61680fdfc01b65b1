"""Mails: queued with what they tell of, sent by a job, to a real SMTP server or into a folder."""

from __future__ import annotations

import email
import email.policy
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import transaction
from procrastinate.contrib.django import app
from tests.api import someone
from tests.egress_fixture import serving_egress
from tests.keys_fixture import Keys, ShiftedClock
from tests.signing_in import account, browser, configured, jobs, mails

from ringfence.platform.database import DatabaseUrls
from ringfence.platform.egress import EgressFailed
from ringfence.platform_django import mail as outbox
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.keys import use_keys
from ringfence.platform_django.models import Mail
from ringfence.platform_django.tenancy import tenant

TO = "ada@engines.example"


class Sink:
    """Keeps what an SMTP server took; ``refusal`` makes it take nothing."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], bytes]] = []
        self.refusal = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusal:
            return self.refusal
        self.taken.append((envelope.rcpt_tos, envelope.content))
        return "250 taken"


@pytest.fixture
def smtp() -> Iterator[tuple[Sink, str]]:
    """A real SMTP server on a free port, and its URL."""
    sink = Sink()
    server = Controller(sink, hostname="127.0.0.1", port=0)
    server.port = _free_port()
    server.start()
    try:
        yield sink, f"smtp://127.0.0.1:{server.port}"
    finally:
        server.stop()


@contextmanager
def sending(db: DatabaseUrls, url: str) -> Iterator[None]:
    """Mails go to a server, by the egress process's service."""
    with configured("mail", smtp_url=url), serving_egress(settings.RINGFENCE, db.callplane):
        yield


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parsed(content: bytes) -> Any:
    return email.message_from_bytes(content, policy=email.policy.default)


@pytest.mark.parametrize("db_alias", ["default", "operator", "identity"])
def test_a_mail_and_its_job_live_and_die_with_the_transaction(
    db: DatabaseUrls, db_alias: str
) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=db_alias):
        outbox.queue_mail(TO, "Hello", "text", db=db_alias)
        raise ZeroDivisionError
    assert mails() == []
    assert jobs(outbox.TASK) == []
    with transaction.atomic(using=db_alias):
        id_ = outbox.queue_mail(TO, "Hello", "text", db=db_alias)
        assert jobs(outbox.TASK) in ([], [id_])
    assert mails() == [{"to": TO, "subject": "Hello", "text": "text"}]
    assert jobs(outbox.TASK) == [id_]


def test_a_mail_is_queued_in_a_tenants_transaction(db: DatabaseUrls) -> None:
    with tenant(someone().tenant):
        outbox.queue_mail(TO, "Hello", "text")
    assert len(mails()) == 1


def test_a_failed_page_leaves_no_mail(db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    from allauth.account.views import PasswordResetView

    account(TO)

    def broken(self: Any) -> str:
        assert len(jobs(outbox.TASK)) == 0, "it is not committed yet"
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(PasswordResetView, "get_success_url", broken)
        answer = browser().post("/accounts/password/reset/", {"email": TO})
    assert answer.status_code == 500
    assert mails() == []
    assert jobs(outbox.TASK) == []


def test_recipient_and_text_stand_sealed_and_jobs_hold_ids(db: DatabaseUrls) -> None:
    outbox.queue_mail(TO, "Hello", "the text of it")
    with psycopg.connect(db.owner) as connection:
        row = connection.execute("SELECT m::text FROM platform_mail m").fetchone()
        job = connection.execute("SELECT args FROM procrastinate_jobs").fetchone()
    assert row is not None
    assert job is not None
    assert list(job[0]) == ["mail"]
    UUID(job[0]["mail"])
    for clear in (TO, "the text of it"):
        assert clear not in row[0]
        assert clear.encode().hex() not in row[0]


def test_who_queues_mails_reads_none(db: DatabaseUrls) -> None:
    outbox.queue_mail(TO, "Hello", "text")
    for url in (db.app, db.identity, db.callplane):
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT * FROM platform_mail")


def test_without_a_server_mails_are_files_of_this_user(
    db: DatabaseUrls, keys: Keys, tmp_path: Path
) -> None:
    id_ = outbox.queue_mail(TO, "Grüße", "Ein Text\nmit ä und einem Link http://localhost/x\n")
    with configured("node", data_dir=tmp_path), use_keys(keys.blocking("worker")):
        assert outbox.send_queued(id_)
        assert not outbox.send_queued(id_), "it is sent once"
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    message = parsed(file.read_bytes())
    assert (message["To"], message["Subject"]) == (TO, "Grüße")
    assert "mit ä" in message.get_content()
    assert mails() == []


def test_a_server_takes_mails(db: DatabaseUrls, keys: Keys, smtp: tuple[Sink, str]) -> None:
    sink, url = smtp
    id_ = outbox.queue_mail(TO, "Hello", "the text")
    with sending(db, url), use_keys(keys.blocking("worker")):
        app.tasks[outbox.TASK](mail=id_.hex)
    ((recipients, content),) = sink.taken
    message = parsed(content)
    assert recipients == [TO]
    assert message["Subject"] == "Hello"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "the text" in message.get_content()
    assert mails() == []


def test_a_mail_stays_while_the_server_takes_none(
    db: DatabaseUrls, keys: Keys, smtp: tuple[Sink, str]
) -> None:
    sink, url = smtp
    id_ = outbox.queue_mail(TO, "Hello", "text")
    sink.refusal = "451 come again"
    with sending(db, url), use_keys(keys.blocking("worker")):
        with pytest.raises(EgressFailed):
            app.tasks[outbox.TASK](mail=id_.hex)
        assert len(mails()) == 1
        sink.refusal = ""
        app.tasks[outbox.TASK](mail=id_.hex)
    assert len(sink.taken) == 1
    assert mails() == []


def test_tries_come_later_and_later(db: DatabaseUrls) -> None:
    retry = app.tasks[outbox.TASK].retry_strategy
    waits = [
        retry.get_retry_decision(exception=OSError(), job=_tried(count)) for count in range(1, 17)
    ]
    seconds = [2 ** (count + 1) + 10 for count in range(1, 17)]
    assert all(one is not None for one in waits)
    assert sum(seconds) > timedelta(days=1).total_seconds()


def _tried(count: int) -> Any:
    from procrastinate.jobs import Job

    return Job(
        id=1, queue="default", lock=None, queueing_lock=None, task_name=outbox.TASK, attempts=count
    )


def test_a_crash_between_sending_and_noting_sends_twice_and_loses_none(
    db: DatabaseUrls, keys: Keys, smtp: tuple[Sink, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, url = smtp
    id_ = outbox.queue_mail(TO, "Hello", "text")

    def dies(self: Mail, *args: Any, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    with sending(db, url), use_keys(keys.blocking("worker")):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Mail, "delete", dies)
            outbox.send_queued(id_)
        assert len(mails()) == 1
        outbox.send_queued(id_)
    assert len(sink.taken) == 2


def test_what_cannot_be_sent_for_days_is_removed(db: DatabaseUrls) -> None:
    outbox.queue_mail(TO, "Hello", "text")
    assert outbox.remove_unsent() == 0
    clock = ShiftedClock()
    clock.advance(timedelta(days=3, seconds=1))
    with use_clock(clock):
        assert outbox.remove_unsent() == 1
    assert mails() == []
