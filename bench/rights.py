"""What the rights of one person among many cost: their copy, and their erasure.

``python -m bench.rights --persons 300000 --calls 300000`` fills an installation with persons of one
tenant in the key store and calls of a month in the tables (``bench.erase``); some callers of 20
calls each are real: their numbers are sealed, and open. Each asks for a copy, and is erased. By
hand only: it takes minutes to fill.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from uuid import UUID

import psutil
import psycopg
from psycopg import sql

from bench.erase import TENANT
from bench.installed import Installed, cpu_seconds, installed
from bench.report import emit
from bench.sweep import _rows, _until_there
from ringfence.platform.keys.blocking import BlockingKeys

_AT_ONCE, _ASKING, _CALLS = 1000, 10, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--persons", type=int, default=20_000)
    options, _ = parser.parse_known_args()
    with installed("worker") as site:
        began = time.perf_counter()
        _rows(site, options.calls, options.persons)
        asking = _keys(site, options.persons)
        emit("rights", "fill", time.perf_counter() - began, "s", options.persons)
        _measure(site, asking)


def _keys(site: Installed, persons: int) -> list[UUID]:
    """Everybody is known to the key store; a few have calls whose numbers open."""
    from ringfence.kernel.clock import SystemClock
    from ringfence.platform.database import database_urls
    from ringfence.platform.keys.persons import Identifier

    keys = BlockingKeys(site.settings, "control", SystemClock(), lambda use: None)
    _until_there(keys)
    for first in range(0, persons, _AT_ONCE):
        some = range(first, min(first + _AT_ONCE, persons))
        keys.resolve(TENANT, [Identifier("e164", f"+1415{number:07d}") for number in some])
    asking = []
    with psycopg.connect(database_urls(site.settings).owner, autocommit=True) as connection:
        calls = connection.execute(
            "SELECT id FROM calls_call ORDER BY md5(id::text) LIMIT %s", [_ASKING * _CALLS]
        ).fetchall()
        for number in range(_ASKING):
            own = [row[0] for row in calls[number::_ASKING]]
            asking.append(_give(connection, keys, f"+1415{number:07d}", own))
        connection.execute("ANALYZE")
    return asking


def _give(
    connection: psycopg.Connection, keys: BlockingKeys, number: str, calls: list[UUID]
) -> UUID:
    """These calls are somebody's: in their records, legs and journals."""
    import msgspec

    from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER, SealedFieldNumber
    from ringfence.kernel.ids import uuid7_day
    from ringfence.platform.keys.client import Value
    from ringfence.platform.keys.crypto import Place
    from ringfence.platform.keys.names import Bucket, LeafRef
    from ringfence.platform.keys.persons import Identifier

    said = msgspec.json.encode({"number": number})
    for call in calls:
        bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=uuid7_day(call))
        (found,) = keys.resolve(TENANT, [Identifier("e164", number)], seal=(bucket,))
        legs = connection.execute(
            "SELECT id FROM calls_leg WHERE call_id = %s AND role = 'caller'", [call]
        ).fetchall()
        for table, column, row, field in (
            ("calls_call", "caller", call, SealedFieldNumber.CALL_CALLER),
            ("calls_leg", "party", legs[0][0], SealedFieldNumber.LEG_PARTY),
        ):
            place = Place(TENANT, field, row, found.person, bucket)
            (sealed,) = keys.seal(
                TENANT, [Value(LeafRef(bucket, found.person), place, said)], actor="bench"
            )
            change = "UPDATE {} SET {} = %s, {} = %s WHERE id = %s"
            names = (table, f"{column}_id", f"{column}_sealed")
            connection.execute(
                sql.SQL(change).format(*map(sql.Identifier, names)), [found.person, sealed, row]
            )
        connection.execute(
            "UPDATE calls_journal j SET caller_id = c.caller_id, caller_sealed = c.caller_sealed"
            " FROM calls_call c WHERE c.id = %s AND j.call_id = c.id AND j.kind = 'call.started'",
            [call],
        )
    return found.person


def _measure(site: Installed, asking: list[UUID]) -> None:
    from ringfence.domains.privacy import api as privacy
    from ringfence.domains.privacy.contracts import Channel, Jurisdiction, Method, RightsKind
    from ringfence.domains.privacy.usecases.build_package import build_package

    asked = (RightsKind.ACCESS, Jurisdiction.EU, Channel.API)

    def copy(person: UUID) -> None:
        request = privacy.request_rights(TENANT, person, *asked, actor="bench")
        privacy.verify_request(TENANT, request.id, Method.CALLBACK, actor="bench")
        done = build_package(request.id)
        assert done.state == "done" and done.package_bytes

    def erase(person: UUID) -> None:
        done = privacy.destroy_person(TENANT, person, actor="bench")
        assert done.state == "cleaned" and done.rows >= 3 * _CALLS

    processes = {"worker": psutil.Process(), "database": site.postgres, "keys": site.keys}
    for name, action in (("copy", copy), ("erasure", erase)):
        _cost(name, action, asking, processes)
    emit("rights", "memory of keys", site.keys.memory_info().rss / (1 << 20), "MiB", 1)
    emit("rights", "memory of the worker", psutil.Process().memory_info().rss / (1 << 20), "MiB", 1)


def _cost(
    name: str,
    action: Callable[[UUID], None],
    asking: list[UUID],
    processes: dict[str, psutil.Process],
) -> None:
    action(asking[0])
    before = {other: cpu_seconds(process) for other, process in processes.items()}
    took = []
    for person in asking[1:]:
        began = time.perf_counter()
        action(person)
        took.append(time.perf_counter() - began)
    emit("rights", f"{name}, median", statistics.median(took) * 1e3, "ms", len(took))
    for other, process in processes.items():
        spent = cpu_seconds(process) - before[other]
        emit("rights", f"cpu per {name}, {other}", spent / len(took) * 1e3, "ms", len(took))


if __name__ == "__main__":
    main()
