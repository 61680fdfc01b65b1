"""The controls of what must be gone, run against tables that the product made and ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from tests.api import ask
from tests.keys_fixture import Keys
from tests.people import person
from tests.population import populate
from tests.promises.calls_to_erase import World

from ringfence.domains.accounts import api as accounts
from ringfence.domains.privacy import api as privacy
from ringfence.entry.promises import calling, canary
from ringfence.entry.promises.commands import _end
from ringfence.entry.promises.control import Control
from ringfence.entry.promises.controls.closed_gone import CLOSED_GONE
from ringfence.entry.promises.controls.expired_gone import EXPIRED_GONE
from ringfence.entry.promises.controls.periods_as_promised import PERIODS_AS_PROMISED
from ringfence.entry.promises.controls.records_end import RECORDS_END
from ringfence.entry.promises.controls.told_before_end import TOLD_BEFORE_END
from ringfence.entry.promises.examine import Examination, examine
from ringfence.entry.promises.site import Canary, Site
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import keys as django_keys
from ringfence.policies.profiles import load_profile

ANY = {"If_Match": "*"}


class Ending(World):
    """Beside the two tenants one that is to end."""

    closing: UUID


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, tmp_path: Path) -> Iterator[Ending]:
    closing = populate("Closing", 1).tenant
    with django_keys.use_keys(keys.blocking("worker")):
        world = Ending(keys, tmp_path / "spool")
        world.closing = closing
        yield world


@contextmanager
def site_of(world: Ending, db: DatabaseUrls) -> Iterator[Site]:
    recorded = world.of_subject[0]
    closed = world.closing
    accounts.close_tenant(closed)
    ends = (
        "UPDATE accounts_tenant SET ends_at = now() - interval '1 day',"
        " warned_at = now() - interval '8 days' WHERE id = %s"
    )
    with psycopg.connect(db.owner) as database:
        database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        database.execute(ends, [closed])
        database.execute("UPDATE privacy_hold SET released_at = placed_at")  # not meant
        database.commit()
        assert accounts.end_closed_tenants() == 1
        privacy.expire(world.tenant, IDENTIFIER, CALL_RECORDS, 10_000, actor="test")
        nobody: Any = None
        examined = Canary(
            tenant=world.tenant,
            quiet=world.other_tenant,
            closed=closed,
            api=nobody,
            caller="",
            call=recorded.id,
            quiet_call=recorded.id,
            refused_call=recorded.id,
            placed=(),
            recording="",
            key=None,
            tracks={"caller": recorded.tracks[0].id},
            audio={},
            reads=0,
            since="",
        )
        yield Site(django_settings.RINGFENCE, database, examined, load_profile())


def caught(done: Examination) -> dict[str, bool]:
    return {one.name: one.caught for one in done.attempts}


@pytest.mark.parametrize(
    "control", [CLOSED_GONE, EXPIRED_GONE, PERIODS_AS_PROMISED, RECORDS_END, TOLD_BEFORE_END]
)
def test_it_is_clean_and_finds_each_of_its_violations(
    world: Ending, db: DatabaseUrls, control: Control
) -> None:
    with site_of(world, db) as site:
        done = examine(control, site, SystemClock())
    assert done.error == ""
    assert done.findings == ()
    assert done.population > 0
    assert caught(done) == dict.fromkeys((one.name for one in control.violations), True)


def test_what_a_tenant_chose_is_judged_by_its_own_number(world: Ending, db: DatabaseUrls) -> None:
    owner = person("owner", world.tenant)
    assert owner("patch", "/retention", {"recordings": 2}, **ANY).status_code == 200
    with site_of(world, db) as site:
        track = world.of_subject[0].tracks[0].id
        day = (datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days - 10
        older = (
            "UPDATE recordings_recording SET day = %s WHERE id ="
            " (SELECT recording_id FROM recordings_track WHERE id = %s)"
        )
        assert EXPIRED_GONE.check(site) == []
        with site.planted("old", older, day, track):
            found = {one.subject for one in EXPIRED_GONE.check(site)}
        assert f"recordings_track {track}" in found
        assert owner("patch", "/retention", {"recordings": None}, **ANY).status_code == 200
        site.database.rollback()
        with site.planted("old", older, day, track):
            assert EXPIRED_GONE.check(site) == []


class InProcess:
    """``Rest`` without a server."""

    def __init__(self, base: str, secret: str) -> None:
        self.secret = secret

    def get(self, path: str) -> Any:
        return self._ask("get", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._ask("post", path, body)

    def _ask(self, verb: str, path: str, body: Any = None) -> Any:
        answer = ask(verb, path, self.secret, body)
        assert answer.status_code < 300, (path, answer.content)
        return answer.json()


def test_the_examiner_closes_a_tenant_of_its_own_once(
    db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "Rest", InProcess)
    operator: Any = InProcess(
        "", accounts.create_operator_key(scopes=canary._OPERATOR_SCOPES).secret
    )
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    closed = canary._closed(operator, "", ends)
    id_ = parse_public_id(Prefix.TENANT, closed)
    with psycopg.connect(db.owner) as database:
        found = database.execute(
            "SELECT (SELECT count(*) FROM devices_device WHERE tenant_id = %(id)s),"
            " (SELECT count(*) FROM webhooks_endpoint WHERE tenant_id = %(id)s),"
            " (SELECT count(*) FROM accounts_api_key WHERE tenant_id = %(id)s)",
            {"id": id_},
        ).fetchone()
        assert found == (1, 1, 1)
        with django_keys.use_keys(keys.blocking("cli")):
            _end(database, id_)
            assert canary._closed(operator, "", ends) == closed
            _end(database, id_)
        left = database.execute(
            "SELECT count(*) FROM accounts_api_key WHERE tenant_id = %s", [id_]
        ).fetchone()
    assert left == (0,)
    assert accounts.get_any_tenant(id_).status == "closed"
