"""Each call leaves one record, and the record says what happened on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ringfence.entry.promises.control import Control, Finding
from ringfence.entry.promises.site import Placed, Site

_SECONDS = 1.0


def _population(site: Site) -> int:
    return len(site.canary.placed)


def _check(site: Site) -> list[Finding]:
    """Through the public API, against what the phones saw."""
    return [
        Finding(problem, f"call to {placed.called}")
        for placed in site.canary.placed
        for problem in _problems(placed, site.canary.caller)
    ]


def _problems(placed: Placed, caller: str) -> Iterator[str]:
    records = placed.api.get(f"/calls?from_number=%2B{caller[1:]}")["calls"]
    if len(records) != 1:
        yield "not_one_record"
        return
    record: dict[str, Any] = records[0]
    if (record["from_number"], record["to_number"]) != (caller, placed.called):
        yield "wrong_numbers"
    began, answered, ended = (
        datetime.fromisoformat(record[name]) for name in ("started_at", "answered_at", "ended_at")
    )
    if abs((began - placed.began_at).total_seconds()) > _SECONDS:
        yield "wrong_start"
    if abs((ended - answered).total_seconds() - placed.seconds) > _SECONDS:
        yield "wrong_duration"


CALLS_RECORDED = Control(
    name="calls-recorded",
    says="Every call has exactly one record, with both numbers, its start and its duration.",
    limits="Of the canary's two calls, over UDP on loopback.",
    population=_population,
    check=_check,
    demonstrates=("CCA-01.0-10", "CMX-01.3-01", "CMX-01.3-02", "CTX-01.B-02", "CTX-01.B-03"),
)
