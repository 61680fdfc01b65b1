"""Who can read what after an erasure, an expiry, a hold, a reassignment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.keys.conftest import START, TENANT, Home, condemn, destroy

from ringfence.platform.keys import (
    erasure,
    holds,
    leaves,
    names,
    orphans,
    persons,
    rotation,
    suppression,
)
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, Refused, UnfitName
from ringfence.platform.keys.names import Bucket, LeafRef, day_number, days_of, month_of
from ringfence.platform.keys.persons import Identifier, NewItem, Resolved
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.keys.subjects import SubjectState, read_state, write_state

CALLER = Identifier("e164", "+14155550123")
TODAY = day_number(START)
ACCOUNT = UUID(int=77)
HOLD = UUID(int=88)


def bucket(category: str = "identifier", day: int = TODAY, rule: str = "call_records") -> Bucket:
    return Bucket(category, rule, day)


def person_of(store: KeyStore, identifier: Identifier = CALLER) -> Resolved:
    with store.transaction():
        return persons.resolve(store, TENANT, [identifier])[0]


def items_of(store: KeyStore, count: int) -> tuple[UUID, ...]:
    items = tuple(uuid4() for _ in range(count))
    with store.transaction():
        persons.create_items(store, TENANT, [NewItem(item, ()) for item in items])
    return items


def leaf(store: KeyStore, ref: LeafRef) -> bytes:
    with store.transaction():
        return leaves.leaf(store, TENANT, ref, create=True)


def dead(store: KeyStore, *refs: LeafRef) -> bool:
    """Whether none opens, and none is made anew."""
    for ref in refs:
        for create in (False, True):
            with pytest.raises(KeyDestroyed), store.transaction():
                leaves.leaf(store, TENANT, ref, create=create)
    return True


def test_erasing_a_person_leaves_the_excepted_categories(home: Home) -> None:
    with home.opened() as store:
        person, other = (person_of(store, who).person for who in (CALLER, Identifier("withheld")))
        billing = LeafRef(bucket("traffic", rule="billing"), person)
        refs = [LeafRef(bucket(), person), LeafRef(bucket("content"), person)]
        others = [LeafRef(bucket(), other), LeafRef(bucket("content"), other)]
        kept = {ref: leaf(store, ref) for ref in [billing, *others]}
        for ref in refs:
            leaf(store, ref)
        condemn(store, person, keep=["traffic"])
        assert dead(store, *refs), "from the commit on, before anything was rotated"
        rotation.rotate_stale(store)
        assert dead(store, *refs)
        assert {ref: leaf(store, ref) for ref in kept} == kept
        assert leaf(store, LeafRef(bucket("traffic", TODAY + 1, rule="billing"), person))
    with home.opened() as store:
        assert leaf(store, billing) == kept[billing]
        destroy(store, person, keep=["traffic"])  # repeated: nothing changes
        assert leaf(store, billing) == kept[billing]
        destroy(store, person)
        assert dead(store, billing, *refs)
        assert {ref: leaf(store, ref) for ref in others} == {ref: kept[ref] for ref in others}


def test_erasing_forgets_the_identifier(home: Home) -> None:
    with home.opened() as store:
        first = person_of(store)
        assert person_of(store) == Resolved(first.person, 1, new=False)
        image = home.image()
        lookups = {shard.lookup(persons._identifier_name(TENANT, b"\x01+14155550123"))
                   for shard in store.shards}  # fmt: skip
        assert any(lookup in image for lookup in lookups), "a guess finds it while it lives"
        destroy(store, first.person)
        assert persons.find(store, TENANT, CALLER) is None
        lookups = {shard.lookup(persons._identifier_name(TENANT, b"\x01+14155550123"))
                   for shard in store.shards}  # fmt: skip
        assert not any(lookup in home.image() for lookup in lookups), "no living key confirms it"
        second = person_of(store)
        assert second.person != first.person and second.new


def test_withheld_and_unparsable_callers_are_fresh_persons(store: KeyStore) -> None:
    for identifier in (
        Identifier("withheld"),
        Identifier("e164", "anonymous"),
        Identifier("e164", "4155550123"),
        Identifier("email", "nobody"),
        Identifier("user", " "),
    ):
        assert person_of(store, identifier).person != person_of(store, identifier).person
    same = [Identifier("email", "A@Example.org"), Identifier("email", " a@example.org")]
    assert person_of(store, same[0]).person == person_of(store, same[1]).person
    assert person_of(store, Identifier("user", "7")) != person_of(store, Identifier("device", "7"))


def test_one_batch_resolves_a_repeated_identifier_once(store: KeyStore) -> None:
    with store.transaction():
        one, two = persons.resolve(store, TENANT, [CALLER, CALLER])
    assert one.person == two.person and one.new and not two.new


def test_a_reassigned_number_is_a_new_tenure(home: Home) -> None:
    with home.opened() as store:
        old = person_of(store)
        sealed = leaf(store, LeafRef(bucket(), old.person))
        with store.transaction():
            new = persons.reassign(store, TENANT, CALLER)
        assert (new.tenure, old.tenure) == (2, 1) and new.person != old.person
        assert person_of(store).person == new.person
        assert persons.identifier_of(store, TENANT, old.person) == CALLER
        assert leaf(store, LeafRef(bucket(), old.person)) == sealed
        name = persons._identifier_name(TENANT, b"\x01+14155550123")
        shard = store.mark_stale(name)
        assert shard is not None
        rotation.rotate_stale(store)
        before = store.shards[shard.number].generation
        destroy(store, old.person)
        assert person_of(store).person == new.person, "the present tenure lives"
        assert store.shards[shard.number].generation > before, "the old mapping is rotated out"


def test_a_day_expires_without_its_month(home: Home) -> None:
    person_day = [LeafRef(bucket(day=TODAY + n)) for n in range(-2, 3)]
    with home.opened() as store:
        person = person_of(store).person
        refs = [LeafRef(ref.bucket, person) for ref in person_day]
        before = {ref: leaf(store, ref) for ref in refs}
        destroy(store, buckets=(refs[2].bucket,))
        del before[refs[2]]
        assert dead(store, refs[2])
        assert {ref: leaf(store, ref) for ref in before} == before
        destroy(store, buckets=(refs[0].bucket, refs[1].bucket))
        assert dead(store, *refs[:3])
        assert [leaf(store, ref) for ref in refs[3:]] == [before[ref] for ref in refs[3:]]
        other_rule = LeafRef(bucket(rule="messages"), person)
        assert leaf(store, other_rule)
    with home.opened() as store:
        assert dead(store, *refs[:3])
        assert [leaf(store, ref) for ref in refs[3:]] == [before[ref] for ref in refs[3:]]


def test_a_whole_month_and_its_neighbours(store: KeyStore) -> None:
    person = person_of(store).person
    days = days_of(month_of(TODAY))
    around = [LeafRef(bucket(day=day), person) for day in (days[0] - 1, days[-1] + 1)]
    kept = [leaf(store, ref) for ref in around]
    leaf(store, LeafRef(bucket(), person))
    destroy(store, buckets=tuple(bucket(day=day) for day in days))
    assert dead(store, *(LeafRef(bucket(day=day), person) for day in (days[0], TODAY, days[-1])))
    assert [leaf(store, ref) for ref in around] == kept


def test_a_day_that_expired_before_anything_was_sealed(store: KeyStore) -> None:
    person = person_of(store).person
    destroy(store, buckets=(bucket(),))
    today, tomorrow = (LeafRef(bucket(day=TODAY + n), person) for n in (0, 1))
    assert leaf(store, tomorrow) == leaf(store, tomorrow)
    assert dead(store, today)


def test_event_buckets(store: KeyStore) -> None:
    person = person_of(store).person
    closed = Bucket("traffic", "after_closure", account=ACCOUNT)
    other = Bucket("traffic", "after_closure", account=UUID(int=78))
    kept = leaf(store, LeafRef(other, person))
    leaf(store, LeafRef(closed, person))
    destroy(store, buckets=(closed,))
    assert dead(store, LeafRef(closed, person))
    assert leaf(store, LeafRef(other, person)) == kept


def test_items_alone_and_mixed(store: KeyStore) -> None:
    one, two = items_of(store, 2)
    content = bucket("content", rule="recordings")
    alone, other, mixed = (LeafRef(content, None, who) for who in ((one,), (two,), (one, two)))
    kept = leaf(store, other)
    assert leaf(store, mixed) == leaf(store, LeafRef(content, None, (two, one)))
    leaf(store, alone)
    destroy(store, items=(one,))
    assert dead(store, alone, mixed)
    assert leaf(store, other) == kept


def test_unknown_is_not_destroyed(store: KeyStore) -> None:
    person = person_of(store).person
    with pytest.raises(KeyUnknown):
        leaves.leaf(store, TENANT, LeafRef(bucket(), person))
    with pytest.raises(KeyUnknown):
        leaf(store, LeafRef(bucket(), uuid4()))
    with pytest.raises(KeyUnknown):
        leaf(store, LeafRef(bucket(), None, (uuid4(),)))
    with pytest.raises(KeyUnknown):
        leaves.leaf(store, uuid4(), LeafRef(bucket(), person))


def test_another_tenant_is_untouched(store: KeyStore) -> None:
    person, other = person_of(store).person, UUID(int=0xB)
    ref = LeafRef(bucket(), person)
    leaf(store, ref)
    (item,) = items_of(store, 1)
    destroy(store, person, tenant=other, items=(item,), buckets=(bucket(),))
    assert leaf(store, ref)
    assert leaf(store, LeafRef(bucket(), None, (item,)))


def test_legal_hold(home: Home) -> None:
    hold = uuid4()
    with home.opened() as store:
        person, other = person_of(store).person, person_of(store, Identifier("withheld")).person
        (item,) = items_of(store, 1)
        covered = [
            LeafRef(bucket(), person),
            LeafRef(bucket(day=TODAY + 1), person),
            LeafRef(bucket("content", rule="recordings"), None, (item,)),
        ]
        free = LeafRef(bucket("content"), person)
        live = LeafRef(bucket(), other)
        values = [leaf(store, ref) for ref in covered]
        leaf(store, free), leaf(store, live)
        with store.transaction():
            holds.place(store, TENANT, hold, covered[:2])
            holds.place(store, TENANT, hold, [covered[2], live])
        assert destroy(store, person, items=(item,)) == 3
        assert dead(store, *covered, free)
    with home.opened() as store:
        held = [holds.held_leaf(store, TENANT, hold, ref) for ref in covered]
        assert held == values
        assert holds.held_leaf(store, TENANT, hold, live) == leaf(store, live)
        with pytest.raises(KeyUnknown):
            holds.held_leaf(store, TENANT, hold, free)
        with pytest.raises(KeyUnknown):
            holds.held_leaf(store, TENANT, uuid4(), covered[0])
        assert destroy(store, buckets=(bucket(),)) == 1, "the living leaf of that day"
        assert holds.held_leaf(store, TENANT, hold, covered[0]) == values[0]
        with store.transaction():
            holds.release(store, TENANT, hold)
        rotation.rotate_stale(store)
        for ref in (*covered, live):
            with pytest.raises(KeyDestroyed):
                holds.held_leaf(store, TENANT, hold, ref)
        assert not any(value in home.image() for value in values)


def test_orphans_are_collected_after_a_day(home: Home) -> None:
    with home.opened() as store:
        used, unused = items_of(store, 2)
        person = person_of(store).person
        home.clock.advance(timedelta(hours=23, minutes=59))
        assert orphans.candidates(store) == []
        home.clock.advance(timedelta(minutes=2))
        found = orphans.candidates(store)
        assert {item.id for item in found} == {used, unused, person}
        person_of(store)  # somebody calls again: about to be used
        found_later = orphans.candidates(store)
        assert {item.id for item in found_later} == {used, unused}
        known = [item for item in found if item.id == used]
        lost = [item for item in found if item.id != used]
        with store.transaction():
            assert orphans.settle(store, known, lost) == 1, "not the person, who is new again"
        rotation.rotate_stale(store)
        assert dead(store, LeafRef(bucket(), None, (unused,)))
        assert leaf(store, LeafRef(bucket(), None, (used,)))
        assert leaf(store, LeafRef(bucket(), person))
        home.clock.advance(timedelta(days=2))
        assert {item.id for item in orphans.candidates(store)} == {person}
        with store.transaction():
            assert orphans.settle(store, [], known) == 0, "confirmed is never an orphan"


def test_state_dies_with_the_person_and_outlives_a_partial_erasure(store: KeyStore) -> None:
    person = person_of(store).person
    name = names.state_name(TENANT, person)
    with store.transaction():
        write_state(store, name, SubjectState(restricted=True, consents=("marketing",)))
    destroy(store, person, keep=["traffic"])
    assert read_state(store, name) == SubjectState(True, ("marketing",), (), ("traffic",))
    destroy(store, person)
    assert read_state(store, name) == SubjectState()


@pytest.mark.parametrize(
    ("state", "refused", "allowed"),
    [
        (SubjectState(), ["marketing", "training"], ["service", "legal", "rights"]),
        (SubjectState(consents=("marketing",)), ["training"], ["marketing", "service"]),
        (
            SubjectState(True, ("marketing",)),
            ["service", "marketing", "billing"],
            ["legal", "rights"],
        ),
        (SubjectState(objections=("service",)), ["service"], ["billing"]),
    ],
)
def test_states(state: SubjectState, refused: Sequence[str], allowed: Sequence[str]) -> None:
    for purpose in refused:
        with pytest.raises(Refused):
            state.check(purpose)
    for purpose in allowed:
        state.check(purpose)


def test_journal_is_kept_in_order(home: Home) -> None:
    orders = [
        Destruction((ErasePerson(uuid4(), ("traffic",)),), (uuid4(),)),
        Destruction(buckets=(bucket(), Bucket("traffic", "after_closure", account=ACCOUNT))),
    ]
    with home.opened() as store:
        for order in orders:
            with store.transaction():
                erasure.condemn(store, TENANT, order)
    with home.opened() as store:
        entries = erasure.journal(store)
        assert [entry.destruction for entry in entries] == orders
        assert [entry.tenant for entry in entries] == [TENANT, TENANT]
        assert erasure.journal(store, after=entries[0].seq) == entries[1:]


def test_unfit_orders_change_nothing(store: KeyStore) -> None:
    person = person_of(store).person
    for order in (
        Destruction((ErasePerson(person, ("No such",)),)),
        Destruction((ErasePerson(person),), buckets=(Bucket("identifier", "x"),)),
    ):
        with pytest.raises(UnfitName), store.transaction():
            erasure.condemn(store, TENANT, order)
    assert leaf(store, LeafRef(bucket(), person))
    assert erasure.journal(store) == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    erased=st.sets(st.integers(0, 2)),
    keep=st.sets(st.sampled_from(["identifier", "content"])),
    expired=st.sets(st.integers(0, 3)),
    again=st.booleans(),
)
def test_a_value_opens_only_with_all_its_keys(
    tmp_path_factory: pytest.TempPathFactory,
    erased: set[int],
    keep: set[str],
    expired: set[int],
    again: bool,
) -> None:
    home = Home(tmp_path_factory.mktemp("keys"))
    with home.opened() as store:
        people = [person_of(store, Identifier("user", str(n))).person for n in range(3)]
        refs = {
            (who, category, day): LeafRef(bucket(category, TODAY + day), people[who])
            for who in range(3)
            for category in ("identifier", "content")
            for day in range(4)
        }
        before = {key: leaf(store, ref) for key, ref in refs.items()}
        buckets = tuple(
            bucket(category, TODAY + day) for category in ("identifier", "content")
            for day in expired
        )  # fmt: skip
        destroy(store, *(people[who] for who in erased), keep=sorted(keep), buckets=buckets)
        if again:
            destroy(store, *(people[who] for who in erased), buckets=buckets)
            keep = set()
        for (who, category, day), ref in refs.items():
            if day in expired or (who in erased and category not in keep):
                assert dead(store, ref)
            else:
                assert leaf(store, ref) == before[who, category, day]
        assert store.contradictions() == []


def test_at_its_end_a_tenant_loses_every_key_but_those_of_holds_and_stops(home: Home) -> None:
    other = UUID(int=99)
    stopped = Identifier("e164", "+14155550177")
    with home.opened() as store:
        person, held = person_of(store).person, person_of(store, Identifier("withheld")).person
        items = items_of(store, 30)
        with store.transaction():
            (theirs,) = persons.resolve(store, other, [CALLER])
            suppression.suppress(store, TENANT, "calls", [stopped])
        refs = [LeafRef(bucket(), person), LeafRef(bucket("content"), None, items[:1])]
        event = LeafRef(Bucket("identifier", "console_users", account=ACCOUNT), person)
        secret = LeafRef(None)
        kept = LeafRef(bucket(), held)
        values = {ref: leaf(store, ref) for ref in [*refs, event, secret, kept]}
        of_other = LeafRef(bucket(), theirs.person)
        with store.transaction():
            their_leaf = leaves.leaf(store, other, of_other, create=True)
            holds.place(store, TENANT, HOLD, [kept])
        everything = Destruction(everything=True)
        with store.transaction():
            assert erasure.condemn(store, TENANT, everything) == 1
        at: tuple[int, bytes] | None = (-1, b"")
        with store.transaction():
            at = erasure.condemn_rest(store, TENANT, at, limit=7)
        assert at is not None, "there is more"
    with home.opened() as store:  # it was killed here: it begins again
        with store.transaction():
            erasure.condemn(store, TENANT, everything)
        at, batches = (-1, b""), 0
        while at is not None:
            with store.transaction():
                at = erasure.condemn_rest(store, TENANT, at, limit=7)
            batches += 1
        assert batches > 3
        rotation.rotate_stale(store)
        for ref in [*refs, event, secret, kept]:
            assert dead(store, ref)
        number = store.number_of(TENANT)
        rows = store.db.execute(
            "SELECT shard, lookup, tenant, body FROM key WHERE tenant = ?", (number,)
        ).fetchall()
        left = sorted(store.unwrap_row(*row)[0].kind for row in rows)
        assert left == [names.Kind.HOLD, names.Kind.SUPPRESSED]
        assert holds.held_leaf(store, TENANT, HOLD, kept) == values[kept]
        assert leaves.leaf(store, other, of_other) == their_leaf
        assert erasure.journal(store)[-1].destruction == everything
        assert erasure.condemn_rest(store, UUID(int=12345)) is None
