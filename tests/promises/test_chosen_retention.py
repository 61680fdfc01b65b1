"""Each tenant's days end by its own number: to the day, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.keys_fixture import Keys
from tests.promises.calls_to_erase import OTHER, SUBJECT, World, opened

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import RetentionOutOfBounds
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.usecases import sweep_retention as sweeping
from ringfence.kernel.fields import CONTENT, RECORDINGS
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import use_clock

RULES = [(CONTENT, RECORDINGS, 90)]
_SAID = b"what was said"


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, tmp_path: Path) -> Iterator[World]:
    with django_keys.use_keys(keys.blocking("worker")):
        world = World(keys, tmp_path / "spool")
        with use_clock(keys.clock):
            yield world


@pytest.mark.promise("CTX-04.B-04")
def test_the_last_day_is_kept_and_the_next_one_ends_of_who_chose_it(
    world: World, keys: Keys
) -> None:
    theirs = world.plane.call(world.other_tenant, SUBJECT, OTHER, at=world.now, recorded=_SAID)
    world.plane.ship()
    own = world.of_subject[0]
    whole = opened(keys, own), opened(keys, theirs)
    assert all(map(all, whole))
    accounts.choose_retention(world.tenant, {"recordings": 30})
    with pytest.raises(RetentionOutOfBounds):
        accounts.choose_retention(world.tenant, {"recordings": 732})
    keys.clock.advance(timedelta(days=30))
    assert privacy.sweep_retention(RULES) == 0
    assert (opened(keys, own), opened(keys, theirs)) == whole
    keys.clock.advance(timedelta(days=1))
    assert privacy.sweep_retention(RULES) == 1
    assert opened(keys, own) == [True] * 5 + [False] * 2
    assert opened(keys, theirs) == whole[1]

    accounts.choose_retention(world.tenant, {"recordings": 365})  # revives nothing
    accounts.choose_retention(world.other_tenant, {"recordings": 91})
    keys.clock.advance(timedelta(days=60))  # the 91st: as installed it would have ended
    assert privacy.sweep_retention(RULES) == 0
    assert opened(keys, theirs) == whole[1]
    assert opened(keys, own) == [True] * 5 + [False] * 2
    accounts.choose_retention(world.other_tenant, {"recordings": None})
    assert privacy.sweep_retention(RULES) == 1
    assert opened(keys, theirs) == [True] * 5 + [False] * 2


def test_an_interrupted_sweep_goes_on_in_the_order_of_the_days(
    world: World, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.of_subject[0]
    keys.clock.advance(timedelta(days=2))
    with use_clock(keys.clock):
        later = world.plane.call(world.tenant, SUBJECT, OTHER, at=keys.clock.now(), recorded=_SAID)
        world.plane.ship()
    accounts.choose_retention(world.tenant, {"recordings": 1})
    keys.clock.advance(timedelta(days=5))
    real, ended = sweeping.expire, []

    def once(*args: object, **kwargs: object) -> object:
        if ended:
            raise KeyboardInterrupt
        ended.append(args)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(sweeping, "expire", once)
    with pytest.raises(KeyboardInterrupt):
        privacy.sweep_retention(RULES)
    monkeypatch.undo()
    assert opened(keys, first)[-1] is False
    assert all(opened(keys, later))
    accounts.choose_retention(world.tenant, {"recordings": 90})
    assert privacy.sweep_retention(RULES) == 0
    assert all(opened(keys, later))
    accounts.choose_retention(world.tenant, {"recordings": 2})
    assert privacy.sweep_retention(RULES) == 1
    assert opened(keys, later)[-1] is False
