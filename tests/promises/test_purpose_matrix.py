"""The purpose matrix cell by cell, against the process that holds the keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys

from ringfence.domains.accounts import api as accounts
from ringfence.domains.consent import api as consents
from ringfence.domains.consent import queries
from ringfence.domains.consent.usecases import settle
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.keys.subjects import StateChange
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.keys import use_keys
from ringfence.policies.profiles import Profile, load_profile

NUMBER = Identifier("e164", "+14155550100")
LEARNS, NEVER = "ctx-us-telecom", "strict"
"""A profile under which models may learn with consent, and one under which they may not."""

# purpose: nothing said, granted, denied, withdrawn; then the same under a restriction
MATRIX = {
    "service": "yes yes yes yes no no no no",
    "billing": "yes yes yes yes no no no no",
    "fraud": "yes yes yes yes no no no no",
    "support": "yes yes yes yes no no no no",
    "security": "yes yes yes yes no no no no",
    "marketing": "no yes no no no no no no",
    "training": "no yes no no no no no no",
    "rights": "yes yes yes yes yes yes yes yes",
    "legal": "yes yes yes yes yes yes yes yes",
}
SCOPES = (ConsentScope.MARKETING, ConsentScope.TRAINING)
SAID = (None, ConsentState.GRANTED, ConsentState.DENIED, ConsentState.WITHDRAWN)
CELLS = [
    (purpose, said, restricted, word == "yes")
    for purpose, row in MATRIX.items()
    for (restricted, said), word in zip(
        ((restricted, said) for restricted in (False, True) for said in SAID),
        row.split(),
        strict=True,
    )
]


class Known:
    """A person of a tenant, and a value of theirs."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.tenant = accounts.create_tenant("Acme").id
        (found,) = keys.blocking("web").resolve(self.tenant, [NUMBER])
        self.person = found.person
        bucket = Bucket("identifier", "call_records", day=day_number(keys.clock.now()))
        place = Place(self.tenant, 1, new_id(), self.person, bucket)
        ref = LeafRef(bucket, self.person)
        clear = Value(ref, place, b"+14155550100")
        (sealed,) = keys.blocking("web").seal(self.tenant, [clear], actor="test")
        self.value = Value(ref, place, sealed)

    def opens(self, purpose: str) -> bool:
        who = "worker" if purpose in ("rights", "legal") else "web"
        (got,) = self.keys.blocking(who).open(self.tenant, purpose, [self.value], actor="test")
        if got == b"+14155550100":
            return True
        assert getattr(got, "code", None) == "key_refused"
        return False

    def say(self, scope: ConsentScope, state: ConsentState) -> None:
        wording: UUID | None = None
        if state is ConsentState.GRANTED:
            wording = consents.create_wording(self.tenant, scope, "en", "?", actor="test").id
        consents.record(
            self.tenant, NUMBER, scope, state,
            method=ConsentMethod.WRITTEN, wording_id=wording, actor="test",
        )  # fmt: skip

    def restrict(self, restricted: bool) -> None:
        change = StateChange(restricted=restricted)
        self.keys.blocking("web").choose(self.tenant, self.person, change, actor="test")


def bind(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def bound(tenant: UUID) -> Profile:
        return load_profile(name)

    for module in (queries, settle):
        monkeypatch.setattr(module, "profile_of", bound)


@pytest.fixture
def known(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Known]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    bind(monkeypatch, LEARNS)
    with use_keys(keys.blocking("web")):
        yield Known(keys)


@pytest.mark.parametrize(("purpose", "said", "restricted", "expected"), CELLS)
def test_cell(
    known: Known, purpose: str, said: ConsentState | None, restricted: bool, expected: bool
) -> None:
    if said is not None:
        for scope in SCOPES:
            known.say(scope, said)
    known.restrict(restricted)
    assert known.opens(purpose) is expected


@pytest.mark.promise("CCA-06.0-07")
@pytest.mark.parametrize("scope", SCOPES)
def test_a_withdrawal_bites_within_a_second(known: Known, scope: ConsentScope) -> None:
    known.say(scope, ConsentState.GRANTED)
    assert known.opens(scope.value), "and the leaf is cached now, for a minute"
    began = time.monotonic()
    known.say(scope, ConsentState.WITHDRAWN)
    assert not known.opens(scope.value)
    assert time.monotonic() - began < 1.0
    assert known.opens("service")


def test_a_restriction_bites_within_a_second_and_ends(known: Known) -> None:
    known.say(ConsentScope.MARKETING, ConsentState.GRANTED)
    assert known.opens("service") and known.opens("marketing")
    began = time.monotonic()
    known.restrict(True)
    assert not known.opens("service") and not known.opens("marketing")
    assert time.monotonic() - began < 1.0
    known.say(ConsentScope.TRAINING, ConsentState.GRANTED)
    assert not known.opens("service"), "what was said of something else lifts no restriction"
    known.restrict(False)
    assert known.opens("service") and known.opens("marketing")


def test_one_purpose_is_not_the_other(known: Known) -> None:
    known.say(ConsentScope.MARKETING, ConsentState.GRANTED)
    assert (known.opens("marketing"), known.opens("training")) == (True, False)
    known.say(ConsentScope.TRAINING, ConsentState.GRANTED)
    known.say(ConsentScope.MARKETING, ConsentState.WITHDRAWN)
    assert (known.opens("marketing"), known.opens("training")) == (False, True)


def test_what_the_profile_never_does_no_consent_allows(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.say(ConsentScope.TRAINING, ConsentState.GRANTED)
    assert known.opens("training")
    bind(monkeypatch, NEVER)
    known.say(ConsentScope.TRAINING, ConsentState.GRANTED)
    assert not known.opens("training")
