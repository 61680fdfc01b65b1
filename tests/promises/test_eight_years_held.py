"""Years of tenants that choose how long, and of legal holds: what is held outlives its day, exactly
that goes with the release, and no choice moves anything but its own days."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from tests.promises.calls_to_erase import opened
from tests.promises.sealed_calls import SealedCall
from tests.promises.test_eight_years import CALLEE, CALLER, Life, as_worker
from tests.promises.test_eight_years import life as life  # a fixture

from ringfence.domains.accounts import api as accounts
from ringfence.domains.privacy import api as privacy
from ringfence.domains.recordings.track_file import object_store
from ringfence.kernel.fields import CONTENT, RECORDINGS
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.names import Bucket

STRICT = pytest.mark.parametrize("life", ["strict"], indirect=True)
INSTALLED = 90
THIRD, FOURTH = "+13125550133", "+16175550188"


@STRICT
def test_a_choice_holds_to_the_day_also_when_it_changes(life: Life) -> None:
    one, other = life.traveller.tenant, life.neighbour.tenant
    begin = life.today
    chosen = dict.fromkeys((one, other), INSTALLED)
    ended: set[UUID] = set()
    course: dict[int, dict[UUID, int | None]] = {
        0: {one: 30, other: 365},
        60: {one: 200},  # the call of day 40 now stays until 240
        100: {other: 120},  # the call of day 0 ends after 120, not 365
        2600: {one: None, other: 731},
        2700: {other: 100},
    }
    calls = {0, 40, 2600}
    boundaries = {30, 31, 70, 71, 120, 121, 160, 161, 240, 241, 2690, 2691, 2700, 2701}
    for offset in sorted({*course, *calls, *boundaries}):
        life.go_to(begin + offset)
        if offset in calls:
            life.place_calls()
        ended |= {
            call.id for call in life.calls if life.today - call.day > chosen[call.tenant]
        }  # by what was chosen when the sweep ran
        for tenant, days in course.get(offset, {}).items():
            accounts.choose_retention(tenant, {"recordings": days})
            chosen[tenant] = INSTALLED if days is None else days
        for call in life.calls:
            values, tracks = opened(life.keys, call)[:-2], opened(life.keys, call)[-2:]
            assert set(tracks) == {call.id not in ended}, (offset, call.day - begin)
            assert set(values) == {life.today - call.day <= 550}
    assert len(ended) == len(life.calls) == 6


@STRICT
def test_what_is_held_outlives_its_day_and_goes_with_the_release(
    life: Life, db: DatabaseUrls
) -> None:
    tenant, begin = life.traveller.tenant, life.today
    now = life.keys.clock.now()
    held, free = (
        life.plane.call(tenant, *who, at=now, recorded=b"what was said")
        for who in ((CALLER, CALLEE), (THIRD, FOURTH))
    )
    life.plane.ship()
    assert len(objects(tenant)) == 4

    life.go_to(begin + 80)
    assert held.recording is not None
    of_matter = [held.recording, *(track.id for track in held.tracks)]
    bucket = Bucket(CONTENT, RECORDINGS, day=held.day)
    with as_worker(life.keys):
        matter = privacy.place_hold(
            tenant, items=[privacy.HeldItem(item, bucket) for item in of_matter], actor="test"
        )
    life.go_to(begin + 90)
    assert len(objects(tenant)) == 4
    life.go_to(begin + 91)
    assert {name.rpartition("/")[2] for name in objects(tenant)} == {
        track.id.hex for track in held.tracks
    }
    assert not any(opened(life.keys, held)[-2:]), "but for the matter itself"

    life.go_to(begin + 549)
    with as_worker(life.keys):
        custodian = privacy.place_hold(
            tenant, [privacy.HeldPerson(held.caller, held.day, held.day)], actor="test"
        )
    life.go_to(begin + 550)
    assert sealed_callers(db, tenant) == {held.id, free.id}
    life.go_to(begin + 551)
    assert sealed_callers(db, tenant) == {held.id}
    assert not any([*opened(life.keys, held), *opened(life.keys, free)])
    assert legally(life, held, custodian.id)
    assert not legally(life, held, matter.id)

    life.go_to(begin + 700)
    with as_worker(life.keys):
        privacy.release_hold(tenant, matter.id)
    life.go_to(begin + 701)
    assert objects(tenant) == []
    assert legally(life, held, custodian.id)

    life.go_to(begin + 8 * 365)
    assert sealed_callers(db, tenant) == {held.id}
    with as_worker(life.keys):
        privacy.release_hold(tenant, custodian.id)
    life.go_to(begin + 8 * 365 + 1)
    assert sealed_callers(db, tenant) == set()
    assert not legally(life, held, custodian.id)


def objects(tenant: UUID) -> list[str]:
    return list(object_store().list(tenant.hex))


def sealed_callers(db: DatabaseUrls, tenant: UUID) -> set[UUID]:
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT id FROM calls_call WHERE tenant_id = %s AND caller_sealed IS NOT NULL", [tenant]
        ).fetchall()
    return {id_ for (id_,) in rows}


def legally(life: Life, call: SealedCall, hold: UUID) -> bool:
    """Whether the caller's number opens for a hold."""
    value, text = call.values[0]
    found = life.keys.blocking().open(call.tenant, "legal", [value], actor="test", hold=hold)
    return found == [text]
