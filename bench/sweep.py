"""What the end of a month costs: its days swept with their keys, rows and objects.

``python -m bench.sweep --calls 1000000 --persons 100000 --recorded 10000`` fills an installation
with a month of calls of one tenant (``bench.erase``), each day with a key and a tenth of the
persons' leaves, and objects of recordings; then sweeps all of it. By hand at that size only: it
takes gigabytes, and most of its time to fill.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psutil
import psycopg

from bench.erase import BATCH, DAYS, TENANT, _fill
from bench.installed import Installed, cpu_seconds, installed
from bench.report import emit
from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys.blocking import BlockingKeys

_AT_ONCE = 1000
_SAID = b"\x01" * 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=30_000)
    parser.add_argument("--persons", type=int, default=3000)
    parser.add_argument("--recorded", type=int, default=900)
    options, _ = parser.parse_known_args()
    with installed("worker") as site:
        began = time.perf_counter()
        _rows(site, options.calls, options.persons)
        items = _keys(site, options.persons, options.recorded)
        _objects(items)
        emit("sweep", "fill", time.perf_counter() - began, "s", options.calls)
        _measure(site, options.calls, options.recorded)


def _rows(site: Installed, calls: int, persons: int) -> None:
    from ringfence.platform.database import database_urls

    with psycopg.connect(database_urls(site.settings).owner, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO accounts_tenant (id, name, kind, ancestors, plan, status, created_at)"
            " VALUES (%s, 'Bench', 'tenant', '{}', 'standard', 'active', now())",
            [TENANT],
        )
        for first in range(0, calls, BATCH):
            _fill(connection, first, calls, persons)
        connection.execute("ANALYZE calls_call; ANALYZE calls_leg; ANALYZE calls_journal")


def _days() -> list[int]:
    from ringfence.platform.keys.names import day_number

    today = day_number(datetime.now(UTC))
    return list(range(today - DAYS, today))


def _keys(site: Installed, persons: int, recorded: int) -> list[tuple[UUID, int]]:
    """Persons, a tenth of whom call each day, and the items of recordings with their days."""
    from ringfence.kernel.clock import SystemClock
    from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS
    from ringfence.platform.keys.names import Bucket
    from ringfence.platform.keys.persons import Identifier, NewItem

    made: list[tuple[UUID, int]] = []
    callers = [Identifier("e164", f"+1415{number:07d}") for number in range(persons)]
    keys = BlockingKeys(site.settings, "control", SystemClock(), lambda use: None)
    _until_there(keys)
    for at, day in enumerate(_days()):
        sealing = [Bucket(IDENTIFIER, CALL_RECORDS, day=day)]
        today = callers[at % 10 :: 10]
        for first in range(0, len(today), _AT_ONCE):
            keys.resolve(TENANT, today[first : first + _AT_ONCE], seal=sealing)
        bucket = Bucket(CONTENT, RECORDINGS, day=day)
        items = [uuid4() for _ in range(recorded // DAYS)]
        for first in range(0, len(items), _AT_ONCE):
            new = [NewItem(item, (), bucket) for item in items[first : first + _AT_ONCE]]
            keys.resolve(TENANT, (), new)
        made += [(item, day) for item in items]
    return made


def _until_there(client: BlockingKeys, tenant: UUID = TENANT) -> None:
    """``keys`` takes seconds to start."""
    for attempt in range(12):
        try:
            client.resolve(tenant, ())
            return
        except Unavailable:
            if attempt == 11:
                raise


def _objects(items: list[tuple[UUID, int]]) -> None:
    """A recording of one track each; the track is the item."""
    from ringfence.domains.recordings.models import Recording, RecordingTrack
    from ringfence.domains.recordings.track_file import object_key, object_store
    from ringfence.kernel.fields import RECORDINGS
    from ringfence.platform_django.tenancy import across_tenants

    recordings, tracks = [], []
    for item, day in items:
        object_store().put(object_key(TENANT, item, day), _SAID)
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
        recording = Recording(
            tenant_id=TENANT, call_id=uuid4(), started_at=at, state="stored", basis="CA",
            rule=RECORDINGS, day=day, gap="silence", marks=[],
        )  # fmt: skip
        recordings.append(recording)
        tracks.append(
            RecordingTrack(
                id=item,
                tenant_id=TENANT,
                recording_id=recording.id,
                call_id=recording.call_id,
                leg_id=uuid4(),
                role="caller",
                person_id=uuid4(),
                state="stored",
            )
        )
    with across_tenants("bench") as db:
        Recording.objects.using(db).bulk_create(recordings, batch_size=_AT_ONCE)
        RecordingTrack.objects.using(db).bulk_create(tracks, batch_size=_AT_ONCE)


def _measure(site: Installed, calls: int, recorded: int) -> None:
    from ringfence.domains.privacy import api as privacy
    from ringfence.domains.recordings.track_file import object_store
    from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS

    processes = {"worker": psutil.Process(), "database": site.postgres, "keys": site.keys}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = {name: cpu_seconds(one) for name, one in processes.items()}
    began = time.perf_counter()
    records = privacy.sweep_retention([(IDENTIFIER, CALL_RECORDS, 0)])
    between = {name: cpu_seconds(one) for name, one in processes.items()}
    content = privacy.sweep_retention([(CONTENT, RECORDINGS, 0)])
    after = {name: cpu_seconds(one) for name, one in processes.items()}
    assert (records, content) == (DAYS, DAYS if recorded >= DAYS else 0), (records, content)
    assert not list(object_store().list(TENANT.hex))
    emit("sweep", "month", time.perf_counter() - began, "s", calls)
    for name in processes:
        spent, of_objects = between[name] - before[name], after[name] - between[name]
        emit("sweep", f"cpu per call, {name}", spent / calls * 1e6, "us", calls)
        emit(
            "sweep", f"cpu per object, {name}", of_objects / max(1, recorded) * 1e6, "us", recorded
        )
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    emit("sweep", "memory of the worker, more than before", grown / 1024, "MiB", calls)
    emit("sweep", "memory of keys", site.keys.memory_info().rss / (1 << 20), "MiB", calls)


if __name__ == "__main__":
    main()
