"""The control of rights requests, run against requests that the product made and answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.recorded_calls import World, recorded_world
from tests.rights import CALLEE, ask, both_ways, create, jobs, made_package

from ringfence.domains.privacy import tasks
from ringfence.entry.promises.controls.children_kept_out import CHILDREN_KEPT_OUT
from ringfence.entry.promises.controls.opt_outs_hold import OPT_OUTS_HOLD
from ringfence.entry.promises.controls.rights_answered import RIGHTS_ANSWERED
from ringfence.entry.promises.examine import examine
from ringfence.entry.promises.site import Canary, Site
from ringfence.kernel.clock import SystemClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.policies.profiles import NAMES, load_profile


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        both_ways(made)
        yield made


def site(world: World, database: Any, profile: str = "strict") -> Site:
    nobody: Any = None
    examined = Canary(
        tenant=world.acme, quiet=world.bolt, closed=world.bolt, api=nobody, caller="",
        call=new_id(), quiet_call=new_id(), refused_call=new_id(), placed=(), recording="",
 key=None,
        tracks={}, audio={}, reads=0, since="",
    )  # fmt: skip
    return Site(django_settings.RINGFENCE, database, examined, load_profile(profile))


@pytest.mark.parametrize("profile", NAMES)
def test_answered_requests_are_clean_and_every_violation_is_named(
    world: World, db: DatabaseUrls, profile: str
) -> None:
    key = world.key()
    made_package(world, key, create(key))
    extended = create(key)
    ask(f"/rights-requests/{extended['id']}/extend", key, {"reason": "complexity"})
    ask(f"/rights-requests/{create(key)['id']}/refuse", key, {"reason": "unfounded"})
    with psycopg.connect(db.owner) as database:
        done = examine(RIGHTS_ANSWERED, site(world, database, profile), SystemClock())
    assert (done.population, done.findings, done.error) == (1, (), "")
    assert [one.name for one in done.attempts if not one.caught] == []
    assert len(done.attempts) == 10


@pytest.mark.parametrize("profile", NAMES)
def test_opt_outs_are_clean_and_every_violation_is_named(
    world: World, db: DatabaseUrls, profile: str
) -> None:
    key = world.key()
    with psycopg.connect(db.owner) as database:
        assert examine(OPT_OUTS_HOLD, site(world, database), SystemClock()).population == 0
    for kind in ("access", "opt_out_sale", "opt_out_ads", "opt_out_profiling", "opt_out_cpni"):
        create(key, kind)
    with psycopg.connect(db.owner) as database:
        done = examine(OPT_OUTS_HOLD, site(world, database, profile), SystemClock())
    assert (done.population, done.findings, done.error) == (4, (), "")
    assert [one.name for one in done.attempts if not one.caught] == []
    assert len(done.attempts) == 5


@pytest.mark.parametrize("profile", NAMES)
def test_children_are_kept_out_and_every_violation_is_named(
    world: World, db: DatabaseUrls, profile: str
) -> None:
    key = world.key()
    with psycopg.connect(db.owner) as database:
        assert examine(CHILDREN_KEPT_OUT, site(world, database), SystemClock()).population == 0
    create(key, "child", marked=True)
    create(key, "child", CALLEE)
    lifted = create(key, "child", CALLEE)
    parent = {"parent": "Pat Parent", "note": "rang back"}
    assert ask(f"/rights-requests/{lifted['id']}/lift", key, parent).status_code == 200
    with world.worker():
        for job in jobs(db, "privacy.carry_out"):
            tasks.carry_out(job["erasure"])
    with psycopg.connect(db.owner) as database:
        done = examine(CHILDREN_KEPT_OUT, site(world, database, profile), SystemClock())
    assert (done.population, done.findings, done.error) == (3, (), "")
    assert [one.name for one in done.attempts if not one.caught] == []
    assert len(done.attempts) == 8


def test_nothing_asked_proves_nothing(world: World, db: DatabaseUrls) -> None:
    create(world.key())
    with psycopg.connect(db.owner) as database:
        assert examine(RIGHTS_ANSWERED, site(world, database), SystemClock()).population == 0
