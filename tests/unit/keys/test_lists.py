"""Suppression lists outlive erasures; subjects die with their persons; identifiers are told few."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from tests.keys_fixture import Keys
from tests.unit.keys.conftest import TENANT, Home, destroy

from ringfence.platform.keys import links, names, persons, rotation, suppression
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, Refused, UnfitName
from ringfence.platform.keys.names import state_name
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.keys.subjects import StateChange, SubjectState, read_state

CALLER = Identifier("e164", "+14155550123")
OTHER = Identifier("e164", "+14155550124")
MAIL = Identifier("email", "Some@Example.com")
WITHHELD = Identifier("withheld")


def erase(keys: Keys, *people: UUID) -> None:
    order = Destruction(tuple(ErasePerson(person) for person in people))
    keys.blocking().destroy(TENANT, order, actor="test")


def test_a_suppressed_identifier_outlives_its_person(keys: Keys) -> None:
    web, control = keys.blocking("web"), keys.blocking("control")
    (found,) = web.resolve(TENANT, [CALLER])
    web.suppress(TENANT, "calls", [CALLER, MAIL])
    web.suppress(TENANT, "calls", [CALLER])
    asked = [CALLER, OTHER, Identifier("email", "some@example.COM"), WITHHELD]
    erase(keys, found.person)
    assert web.find(TENANT, [CALLER]) == [None]
    keys.stop()
    keys.start()
    assert control.is_suppressed(TENANT, "calls", asked) == [True, False, True, False]
    assert control.is_suppressed(TENANT, "messages", asked) == [False] * 4
    assert control.is_suppressed(uuid4(), "calls", asked) == [False] * 4
    keys.blocking().unsuppress(TENANT, "calls", [CALLER, OTHER])
    assert control.is_suppressed(TENANT, "calls", asked) == [False, False, True, False]
    control.suppress(TENANT, "calls", [CALLER])
    assert control.is_suppressed(TENANT, "calls", [CALLER]) == [True]
    for unfit in (WITHHELD, Identifier("e164", "123")):
        with pytest.raises(UnfitName):
            web.suppress(TENANT, "calls", [unfit])
    with pytest.raises(UnfitName):
        web.suppress(TENANT, "No such name", [CALLER])
    for credential in ("signalling", "media", "live", "cli"):
        with pytest.raises(Refused):
            keys.blocking(credential).is_suppressed(TENANT, "calls", [CALLER])


def test_the_file_tells_nothing_of_a_list_and_forgets_who_left_it(home: Home) -> None:
    with home.opened() as store:
        with store.transaction():
            suppression.suppress(store, TENANT, "calls", [CALLER])
        assert b"4155550123" not in home.image()
        old = store.db.execute("SELECT shard, lookup, body FROM key").fetchall()
        shards = list(store.shards)
        with store.transaction():
            suppression.unsuppress(store, TENANT, "calls", [CALLER])
        rotation.rotate_stale(store)
        ((number, _, body),) = old
        assert body in home.image(), "the write-ahead log keeps it"
        assert store.shards[number] is not shards[number], "but nothing unwraps it"


def test_a_subject_is_a_set_of_persons(keys: Keys) -> None:
    web, one, two = keys.blocking("web"), uuid4(), uuid4()
    people = [item.person for item in web.resolve(TENANT, [CALLER, OTHER, MAIL])]
    web.link_subject(TENANT, one, people[:2])
    web.link_subject(TENANT, one, people[:1])
    assert set(web.persons_of(TENANT, one)) == set(people[:2])
    assert [web.subject_of(TENANT, person) for person in people] == [one, one, None]
    web.link_subject(TENANT, two, people[1:])
    assert web.persons_of(TENANT, one) == people[:1]
    assert web.persons_of(TENANT, two) == people[1:]
    erase(keys, people[1])
    keys.stop()
    keys.lease_seconds = 0.2
    keys.start()
    assert [web.subject_of(TENANT, person) for person in people] == [one, None, two]
    assert web.persons_of(TENANT, two) == people[2:]
    erase(keys, people[2])
    assert web.persons_of(TENANT, two) == []
    with pytest.raises(KeyDestroyed):
        web.link_subject(TENANT, one, [people[1]])
    with pytest.raises(KeyUnknown):
        web.link_subject(TENANT, one, [uuid4()])
    assert web.persons_of(TENANT, one) == people[:1]
    with pytest.raises(Refused):
        keys.blocking("signalling").persons_of(TENANT, one)


def test_no_living_row_names_an_erased_person_of_a_subject(store: KeyStore) -> None:
    subject = uuid4()
    with store.transaction():
        first, second = (item.person for item in persons.resolve(store, TENANT, [CALLER, OTHER]))
        links.link(store, TENANT, subject, [first, second])
    destroy(store, first)
    for row in store.db.execute("SELECT shard, lookup, tenant, body FROM key").fetchall():
        name, value = store.unwrap_row(*row)
        assert first.bytes not in name.id and first.bytes not in value
    assert store.get(names.link_name(TENANT, second)) == subject.bytes


def test_an_identifier_is_told_for_rights_and_legal_alone(keys: Keys) -> None:
    worker, web = keys.blocking("worker"), keys.blocking("web")
    caller, withheld = (item.person for item in worker.resolve(TENANT, [CALLER, WITHHELD]))
    for purpose in ("rights", "legal"):
        assert worker.person_identifier(TENANT, caller, purpose, actor="officer") == CALLER
    assert worker.person_identifier(TENANT, withheld, "rights", actor="officer") == WITHHELD
    for client, purpose in ((worker, "service"), (worker, "seal"), (web, "rights")):
        with pytest.raises(Refused):
            client.person_identifier(TENANT, caller, purpose, actor="officer")
    erase(keys, caller)
    with pytest.raises(KeyDestroyed):
        worker.person_identifier(TENANT, caller, "rights", actor="officer")
    with pytest.raises(KeyUnknown):
        worker.person_identifier(TENANT, uuid4(), "rights", actor="officer")
    uses = [use for use in keys.uses if use.action == "identifier"]
    assert [(use.purpose, use.outcome) for use in uses] == [
        ("rights", "ok"), ("legal", "ok"), ("rights", "ok"),
        ("service", "key_refused"), ("seal", "key_refused"),
        ("rights", "key_destroyed"), ("rights", "key_unknown"),
    ]  # fmt: skip
    assert uses[0].objects == (caller.hex,) and uses[0].actor == "officer"


def stored(keys: Keys, person: UUID) -> SubjectState:
    server = keys.server
    assert server is not None
    name = state_name(TENANT, person)
    return keys._run(server.owner.run(lambda store: read_state(store, name)))


def test_a_choice_changes_what_it_names_and_nothing_else(keys: Keys) -> None:
    web, control = keys.blocking("web"), keys.blocking("control")
    (found,) = web.resolve(TENANT, [CALLER])
    web.choose(
        TENANT, found.person, StateChange(restricted=True, consent=("marketing", "training")),
        actor="test", listed=["no_recording"],
    )  # fmt: skip
    change = StateChange(withdraw=("training",), objects=("support",))
    web.choose(TENANT, found.person, change, actor="test", objects=["CO1"])
    assert stored(keys, found.person) == SubjectState(True, ("marketing",), ("support",))
    assert control.is_suppressed(TENANT, "no_recording", [CALLER, OTHER]) == [True, False]
    web.choose(
        TENANT, found.person, StateChange(restricted=False, accept=("support",)),
        actor="test", unlisted=["no_recording", "no_such"],
    )  # fmt: skip
    assert control.is_suppressed(TENANT, "no_recording", [CALLER]) == [False]
    assert stored(keys, found.person) == SubjectState(False, ("marketing",), ())
    told = [one for one in keys.uses if one.action == "choose"]
    assert [one.objects for one in told] == [(), ("CO1",), ()]
    for credential in ("signalling", "media", "live", "control", "cli"):
        with pytest.raises(Refused):
            keys.blocking(credential).choose(TENANT, found.person, StateChange(), actor="test")
    with pytest.raises(KeyUnknown):
        web.choose(uuid4(), found.person, StateChange(), actor="test", listed=["no_recording"])
    erase(keys, found.person)
    with pytest.raises(KeyDestroyed):
        web.choose(TENANT, found.person, StateChange(), actor="test", listed=["no_recording"])
    assert control.is_suppressed(TENANT, "no_recording", [CALLER]) == [False]
