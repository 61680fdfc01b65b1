"""The control of consent is clean where all is well, and finds each of its violations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.population import record_call

from ringfence.domains.accounts import api as accounts
from ringfence.domains.consent import api as consents
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.entry.promises.controls.consent_evidence import CONSENT_EVIDENCE
from ringfence.entry.promises.examine import examine
from ringfence.entry.promises.site import Canary, Site
from ringfence.kernel.clock import SystemClock
from ringfence.platform.audit import AuditSpool
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.keys import use_keys
from ringfence.policies.profiles import load_profile

NUMBER = "+14155550100"


@pytest.fixture
def site(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Somebody agreed to be recorded, thought better of it, and called then."""
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    tenant, quiet = accounts.create_tenant("Acme").id, accounts.create_tenant("Quiet").id
    with use_keys(keys.blocking("web")):
        wording = consents.create_wording(
            tenant, ConsentScope.RECORDING, "en", "May we?", actor="test"
        )
        for state in (ConsentState.GRANTED, ConsentState.WITHDRAWN):
            consents.record(
                tenant, Identifier("e164", NUMBER), ConsentScope.RECORDING, state,
                method=ConsentMethod.SPOKEN, wording_id=wording.id, source="here", actor="test",
            )  # fmt: skip
        call, later = new_id(), SystemClock().now() + timedelta(seconds=1)
        record_call(call, new_id(), tenant, from_number=NUMBER, started_at=later)
    spool = AuditSpool(keys.settings, "keys")
    for use in keys.uses:
        spool(use)
    spool.close()
    sealer = AuditSealer(keys.settings)
    sealer.seal()
    sealer.close()
    nobody: Any = None
    canary = Canary(
        tenant=tenant, quiet=quiet, closed=quiet, api=nobody, caller="", call=call,
        quiet_call=call, refused_call=call, placed=(), recording="", key=None, tracks={},
        audio={}, reads=0, since="",
    )  # fmt: skip
    with psycopg.connect(db.owner) as database:
        database.execute("UPDATE calls_call SET answered_at = started_at")
        database.commit()
        yield Site(keys.settings, database, canary, load_profile())


def test_it_is_clean_and_finds_each_of_its_violations(site: Site) -> None:
    done = examine(CONSENT_EVIDENCE, site, SystemClock())
    assert (done.error, done.findings) == ("", ())
    assert done.population == 2
    caught = {one.name: one.caught for one in done.attempts}
    assert caught == dict.fromkeys((one.name for one in CONSENT_EVIDENCE.violations), True)


def test_without_a_call_after_a_refusal_nothing_is_proven(site: Site) -> None:
    with site.database.transaction(force_rollback=True):
        site.database.execute("UPDATE calls_call SET started_at = started_at - interval '1 day'")
        assert CONSENT_EVIDENCE.population(site) == 0


def test_a_recording_that_goes_on_after_a_refusal_is_named(site: Site) -> None:
    with site.database.transaction(force_rollback=True):
        site.database.execute(
            "INSERT INTO recordings_recording (id, tenant_id, call_id, started_at, ended_at, state,"
            " rule, day, gap, customer_keys) SELECT id, tenant_id, id, started_at - interval '1 h',"
            " started_at + interval '3 s', 'stored', 'recordings', 1, 'silence', '[]'"
            " FROM calls_call"
        )
        site.database.execute(
            "INSERT INTO recordings_track (id, tenant_id, recording_id, call_id, leg_id, role,"
            " person_id, state) SELECT id, tenant_id, id, id, id, 'caller', caller_id, 'stored'"
            " FROM calls_call"
        )
        assert [one.code for one in CONSENT_EVIDENCE.check(site)] == ["recorded_on"]
