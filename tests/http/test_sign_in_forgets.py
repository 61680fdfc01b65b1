"""What signing in leaves behind goes away by itself."""

from __future__ import annotations

from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connections
from tests.keys_fixture import ShiftedClock
from tests.signing_in import PASSWORD, account, browser, configured, log_in

from ringfence.domains.identity.models import KnownDevice, User
from ringfence.domains.identity.usecases.forget_sessions import forget_ended
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock

ADA = "ada@engines.example"


def counted() -> int:
    with connections["cache"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM identity_cache")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_addresses_and_browsers_of_sessions_go_when_they_end(db: DatabaseUrls) -> None:
    account(ADA)
    client = browser()
    log_in(client, ADA, "wrong pass phrase")
    log_in(client, ADA)
    forget_ended()
    assert (UserSession.objects.count(), Session.objects.count()) == (1, 1)
    assert counted() > 0
    clock = ShiftedClock()
    clock.advance(timedelta(hours=13))
    with use_clock(clock):
        forget_ended()
    assert (UserSession.objects.count(), Session.objects.count(), counted()) == (0, 0, 0)
    assert KnownDevice.objects.count() == 1
    clock.advance(timedelta(days=366))
    with use_clock(clock):
        forget_ended()
    assert KnownDevice.objects.count() == 0
    assert User.objects.count() == 1


def test_accounts_that_nobody_verified_go_after_a_week(db: DatabaseUrls) -> None:
    account(ADA)
    with configured("accounts", sign_up="open"):
        data = {"name": "A", "company": "B", "email": "b@x.example", "password1": PASSWORD}
        data["of_age"] = "on"
        browser().post("/accounts/signup/", data)
    assert User.objects.count() == 2
    clock = ShiftedClock()
    clock.advance(timedelta(days=8))
    with use_clock(clock):
        forget_ended()
    assert [user.email for user in User.objects.all()] == [ADA]
