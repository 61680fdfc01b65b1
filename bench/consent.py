"""What the consent check of a routed call, and of a message, costs: CPU by process, and its time.

Of a call, the key store alone is asked whether any party refused to be recorded; of a message, what
holds of the number, by evidence. A tenth of the numbers said something.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from bench.installed import Installed, cpu_seconds, installed
from bench.report import emit

_KNOWN, _ROUNDS = 1000, 2000


def main() -> None:
    with installed("web") as place:
        from django.db import connections

        try:
            _measure(place)
        finally:
            connections.close_all()


def _measure(place: Installed) -> None:
    from bench.sweep import _until_there
    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.consent import api as consents
    from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
    from ringfence.platform.keys.persons import Identifier
    from ringfence.platform_django.keys import keys
    from ringfence.platform_django.use import using

    _until_there(keys(), accounts.create_tenant("Bench").id)
    tenant = accounts.create_tenant("Bench").id
    numbers = [Identifier("e164", f"+1415{number:07d}") for number in range(10 * _KNOWN)]
    for number in numbers[::10]:
        for scope in (ConsentScope.RECORDING, ConsentScope.MESSAGING_MARKETING):
            said = (number, scope, ConsentState.DENIED)
            consents.record(tenant, *said, method=ConsentMethod.WEB_FORM, actor="bench")

    def call(at: int) -> None:
        parties = [numbers[at * 7 % len(numbers)], numbers[(at * 13 + 5) % len(numbers)]]
        assert len(consents.refused(tenant, ConsentScope.RECORDING, parties)) == 2

    def message(at: int) -> None:
        with using("service", "bench"):
            scopes = [ConsentScope.MESSAGING_MARKETING]
            found = consents.stands_of(tenant, numbers[at * 7 % len(numbers)], scopes)
        assert len(found.stands) == 1

    _time(place, "call", call)
    _time(place, "message", message)


def _time(place: Installed, name: str, check: Callable[[int], None]) -> None:
    for at in range(50):
        check(at)
    processes = {"asker": psutil.Process(), "database": place.postgres, "keys": place.keys}
    before = {other: cpu_seconds(one) for other, one in processes.items()}
    took = []
    for at in range(_ROUNDS):
        began = time.perf_counter()
        check(at)
        took.append(time.perf_counter() - began)
    took.sort()
    emit("consent", f"{name}, p50", took[_ROUNDS // 2] * 1e3, "ms", _ROUNDS)
    emit("consent", f"{name}, p99", took[_ROUNDS * 99 // 100] * 1e3, "ms", _ROUNDS)
    for other, one in processes.items():
        spent = cpu_seconds(one) - before[other]
        emit("consent", f"{name}, cpu of {other}", spent / _ROUNDS * 1e6, "us", _ROUNDS)


if __name__ == "__main__":
    main()
