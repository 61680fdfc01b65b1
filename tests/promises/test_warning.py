"""People of a closed tenant are told of the end of its data, long enough before, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from tests.api import ask
from tests.keys_fixture import Keys
from tests.people import make_member, make_user
from tests.signing_in import mails

from ringfence.domains.accounts import api as accounts
from ringfence.domains.policy import api as policy
from ringfence.domains.policy.usecases import warn_of_end
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import use_clock

DAY = timedelta(days=1)


@pytest.fixture
def closed(db: DatabaseUrls, keys: Keys) -> Iterator[UUID]:
    """A tenant with two people, closed now; it may come back for 30 days."""
    with use_clock(keys.clock), django_keys.use_keys(keys.blocking("worker")):
        tenant, other = accounts.create_tenant("Acme").id, accounts.create_tenant("Bolt").id
        for name in ("one", "two"):
            make_member(make_user(f"{name}@acme.example"), tenant, "agent")
        make_member(make_user("one@bolt.example"), other, "agent")
        accounts.close_tenant(tenant)
        yield tenant


def told() -> list[str]:
    return [mail["to"] for mail in mails() if mail["subject"] == warn_of_end.SUBJECT]


EVERYBODY = ["one@acme.example", "two@acme.example"]


@pytest.mark.promise("SIP-08.2-03")
def test_they_are_told_a_week_before_and_not_again(closed: UUID, keys: Keys) -> None:
    ends = accounts.get_any_tenant(closed).ends_at
    assert ends is not None
    keys.clock.advance(22 * DAY)
    assert (policy.warn_of_ends(), told()) == (0, [])
    keys.clock.advance(DAY)
    assert (policy.warn_of_ends(), told()) == (1, EVERYBODY)
    assert f"On {ends:%Y-%m-%d}" in mails()[-1]["text"] and "Acme" in mails()[-1]["text"]
    assert policy.warn_of_ends() == 0
    keys.clock.advance(7 * DAY - timedelta(minutes=1))
    assert accounts.end_closed_tenants() == 0
    keys.clock.advance(timedelta(minutes=2))
    assert accounts.end_closed_tenants() == 1
    assert (policy.warn_of_ends(), told()) == (0, EVERYBODY)


@pytest.mark.promise("SIP-08.2-03")
def test_nothing_ends_that_was_not_told_of_long_enough_before(closed: UUID, keys: Keys) -> None:
    keys.clock.advance(100 * DAY)  # as if no job had run
    assert accounts.end_closed_tenants() == 0
    assert policy.warn_of_ends() == 1
    assert f"On {keys.clock.now() + 7 * DAY:%Y-%m-%d}" in mails()[-1]["text"]
    keys.clock.advance(7 * DAY - timedelta(minutes=1))
    assert accounts.end_closed_tenants() == 0
    keys.clock.advance(timedelta(minutes=1))
    assert accounts.end_closed_tenants() == 1


def test_who_came_back_is_told_anew(closed: UUID, keys: Keys) -> None:
    operator = accounts.create_operator_key().secret
    path = f"/tenants/{public_id(Prefix.TENANT, closed)}"
    keys.clock.advance(25 * DAY)
    assert policy.warn_of_ends() == 1
    assert ask("post", f"{path}/reactivate", operator).status_code == 200
    keys.clock.advance(30 * DAY)
    assert policy.warn_of_ends() == 0
    assert ask("post", f"{path}/close", operator).status_code == 200
    keys.clock.advance(25 * DAY)
    assert (policy.warn_of_ends(), len(told())) == (1, 4)


def test_a_crash_in_the_middle_tells_nobody_and_the_next_run_all(
    closed: UUID, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.clock.advance(25 * DAY)
    real, count = warn_of_end.queue_mail, 0

    def dies(*args: object, **kwargs: object) -> object:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(warn_of_end, "queue_mail", dies)
    with pytest.raises(KeyboardInterrupt):
        policy.warn_of_ends()
    assert told() == []
    assert (policy.warn_of_ends(), told()) == (1, EVERYBODY)


def test_where_nobody_can_be_told_the_time_runs_and_the_operator_hears_of_it(
    db: DatabaseUrls, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    with use_clock(keys.clock), django_keys.use_keys(keys.blocking("worker")):
        tenant = accounts.create_tenant("Nobody").id
        accounts.close_tenant(tenant)
        keys.clock.advance(24 * DAY)
        assert (policy.warn_of_ends(), mails()) == (1, [])
        assert "nobody to tell of an end" in caplog.text
        keys.clock.advance(7 * DAY)
        assert accounts.end_closed_tenants() == 1
