"""What is older than its retention is gone, rows and files; what is younger is still there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import sql

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import SystemClock

_RECORDS = ("CTX-04.B-01", "SIP-08.1-01", "SIP-08.2-01")
_TRACKS_TOO = ("CCA-04.0-02", "SIP-08.2-01")
_CHOSEN = ("CTX-04.B-04",)
_EITHER = ("CCA-04.0-02", *_RECORDS)
_RECORDED = ("recordings", "customer_recordings")
_SHORT = 3
"""Days that the examined tenant chooses where it does."""
_GRACE = timedelta(days=2)
"""A day ends after its whole days are over, and is swept within the hour."""
_TABLES = (
    ("calls_call", "id", ("caller", "callee", "captured")),
    ("calls_journal", "call_id", ("caller", "callee")),
    ("calls_leg", "call_id", ("party",)),
)
"""Table of call records, the id that has its time, the persons in it."""
_OVERDUE = """
    SELECT {name} || ' ' || {key} FROM {table}
    WHERE {key} < %(before)s AND {who} AND {person} IS NOT NULL AND {value} IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM privacy_hold h, jsonb_array_elements(h.persons) held
        WHERE h.released_at IS NULL AND held->>0 = {person}::text)
"""
_ENDED = """
    SELECT id, rule, day, rows_cleared, certificate FROM privacy_erasure
    WHERE kind = 'bucket' AND state = 'cleaned'
    AND certificate IS DISTINCT FROM '{}'
"""
_TRACKS = """
    SELECT 'recordings_track ' || t.id FROM recordings_track t
    JOIN recordings_recording r ON r.id = t.recording_id
    WHERE r.day < %(before)s AND r.rule = %(rule)s AND t.state <> 'deleted' AND {who}
    AND NOT EXISTS (SELECT 1 FROM privacy_hold h
        WHERE h.released_at IS NULL AND h.items ? t.id::text)
"""


_WHO = sql.SQL(
    "({0}.tenant_id = %(tenant)s OR (%(tenant)s::uuid IS NULL"
    " AND coalesce({0}.tenant_id <> ALL (%(choosers)s), true)))"
)
_CHOICES = """
    SELECT s.tenant_id, c.value::int FROM accounts_settings s, jsonb_each_text(s.retention) c
    WHERE c.key = %s
"""


@dataclass(frozen=True)
class _Bounds:
    """Of one rule: the first day that must still be there."""

    installed: date
    chosen: dict[UUID, date]
    """By tenant that chose a number of its own."""

    def groups(self) -> Iterator[tuple[date, dict[str, Any]]]:
        """Each bound, and the values of ``_WHO`` for whom it holds."""
        choosers = list(self.chosen)
        yield self.installed, {"tenant": None, "choosers": choosers}
        for tenant, day in self.chosen.items():
            yield day, {"tenant": tenant, "choosers": choosers}

    def of(self, tenant: UUID) -> date:
        return self.chosen.get(tenant, self.installed)


def _bounds(site: Site) -> dict[str, _Bounds]:
    today = SystemClock().now().date()

    def first(days: int) -> date:
        return today - timedelta(days=days) - _GRACE

    return {
        rule: _Bounds(
            first(days),
            {
                tenant: first(chosen)
                for tenant, chosen in site.database.execute(_CHOICES, [rule]).fetchall()
            },
        )
        for _, rule, days in site.settings.retention.rules()
    }


def _first_id(day: date) -> UUID:
    """No UUIDv7 of an earlier day is greater (RFC 9562, section 5.7)."""
    millis = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    return UUID(int=millis << 80)


def _population(site: Site) -> int:
    """Call records and tracks that will have to go."""
    count = "SELECT (SELECT count(*) FROM calls_call) + (SELECT count(*) FROM recordings_track)"
    row = site.database.execute(count).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    return [
        *_overdue_rows(site),
        *_overdue_files(site),
        *_gone_too_soon(site),
        *_certificates(site),
    ]


def _overdue_rows(site: Site) -> Iterator[Finding]:
    bounds = _bounds(site)
    for table, key, persons in _TABLES:
        for person in persons:
            query = sql.SQL(_OVERDUE).format(
                name=sql.Literal(table),
                table=sql.Identifier(table),
                key=sql.Identifier(key),
                person=sql.Identifier(f"{person}_id"),
                value=sql.Identifier(f"{person}_sealed"),
                who=_WHO.format(sql.Identifier(table)),
            )
            for bound, who in bounds["call_records"].groups():
                before = {"before": _first_id(bound), **who}
                for (subject,) in site.database.execute(query, before).fetchall():
                    yield Finding("overdue", subject, person)
    tracks = sql.SQL(_TRACKS).format(who=_WHO.format(sql.Identifier("r")))
    for rule in _RECORDED:
        for bound, who in bounds[rule].groups():
            values = {"before": (bound - date(1970, 1, 1)).days, "rule": rule, **who}
            for (subject,) in site.database.execute(tracks, values).fetchall():
                yield Finding("overdue", subject, rule)


def _overdue_files(site: Site) -> Iterator[Finding]:
    """By the day in their path, whatever the rows say."""
    bounds = _bounds(site)
    for folder in site.objects.glob("*/tracks/*/*/*"):
        tenant, day = UUID(hex=folder.parts[-5]), date(*map(int, folder.parts[-3:]))
        if day < min(bounds[rule].of(tenant) for rule in _RECORDED):
            for path in folder.iterdir():
                if not path.name.startswith("."):
                    yield Finding("overdue", str(path.relative_to(site.objects)))


def _gone_too_soon(site: Site) -> Iterator[Finding]:
    """The canary's own record and tracks, which are of today."""
    canary = site.canary
    if not site.database.execute(
        "SELECT 1 FROM calls_call WHERE id = %s AND caller_sealed IS NOT NULL", [canary.call]
    ).fetchone():
        yield Finding("gone_too_soon", f"calls_call {canary.call}")
    kept = {path.name for path in site.objects.glob(f"{canary.tenant.hex}/tracks/*/*/*/*")}
    for track in canary.tracks.values():
        if track.hex not in kept:
            yield Finding("gone_too_soon", f"track {track}")


def _certificates(site: Site) -> Iterator[Finding]:
    """Each day that ended has one that is signed and says what its row says."""
    for id_, rule, day, rows, certificate in site.database.execute(_ENDED).fetchall():
        if certificate is None:
            yield Finding("no_certificate", f"erasure {id_}")
            continue
        said = certificate.get("rule") or {}
        true = (
            certificate.get("erasure") == f"ER{id_.hex}"
            and said.get("name") == rule
            and said.get("day") == (date(1970, 1, 1) + timedelta(days=day)).isoformat()
            and certificate.get("rows_cleared") == rows
        )
        if not (true and is_signed(certificate)):
            yield Finding("false_certificate", f"erasure {id_}")


def is_signed(certificate: dict[str, Any]) -> bool:
    """By the key that it names."""
    body = {name: value for name, value in certificate.items() if name != "signature"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(certificate["key"]))
        key.verify(bytes.fromhex(certificate["signature"]), text)
    except (InvalidSignature, KeyError, ValueError, TypeError):
        return False
    return True


def _old_record(site: Site) -> AbstractContextManager[str]:
    day = _bounds(site)["call_records"].of(site.canary.tenant) - timedelta(days=1)
    id_ = UUID(int=_first_id(day).int | 1)
    return site.planted(
        f"calls_call {id_}",
        "INSERT INTO calls_call (id, tenant_id, direction, started_at, billed_seconds, caller_id,"
        " caller_sealed) SELECT %s, tenant_id, direction, started_at, 0, caller_id, caller_sealed"
        " FROM calls_call WHERE id = %s",
        id_,
        site.canary.call,
    )


def _old_track(site: Site) -> AbstractContextManager[str]:
    rule = "recordings" if site.canary.key is None else "customer_recordings"
    bound = _bounds(site)[rule].of(site.canary.tenant)
    day = (bound - date(1970, 1, 1)).days - 1
    track = site.canary.tracks["caller"]
    return site.planted(
        f"recordings_track {track}",
        "UPDATE recordings_recording SET day = %s WHERE id ="
        " (SELECT recording_id FROM recordings_track WHERE id = %s)",
        day,
        track,
    )


def _older_than_chosen(site: Site) -> AbstractContextManager[str]:
    """A track that is younger than is installed, and older than its tenant wants."""
    today = (SystemClock().now().date() - date(1970, 1, 1)).days
    track = site.canary.tracks["caller"]
    return site.planted(
        f"recordings_track {track}",
        "WITH chosen AS (INSERT INTO accounts_settings (tenant_id, time_zone, staff_access,"
        " us_staff_only, mfa_required, retention, retention_wanted)"
        " VALUES (%s, 'UTC', 'never', false, false, %s, '{}')"
        " ON CONFLICT (tenant_id) DO UPDATE SET retention = excluded.retention RETURNING tenant_id)"
        " UPDATE recordings_recording r SET day = %s, rule = 'recordings' FROM chosen WHERE"
        " r.tenant_id = chosen.tenant_id"
        " AND r.id = (SELECT recording_id FROM recordings_track WHERE id = %s)",
        site.canary.tenant,
        json.dumps({"recordings": _SHORT}),
        today - _SHORT - _GRACE.days - 1,
        track,
    )


def _old_file(site: Site) -> AbstractContextManager[str]:
    bounds = _bounds(site)
    oldest = min(bounds[rule].of(site.canary.tenant) for rule in _RECORDED)
    day = oldest - timedelta(days=1)
    folder = site.objects / site.canary.tenant.hex / f"tracks/{day:%Y/%m/%d}"
    path = folder / uuid4().hex
    return site.planted_file(path, b"\x01", str(path.relative_to(site.objects)))


def _young_gone(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        f"calls_call {site.canary.call}",
        "UPDATE calls_call SET caller_sealed = NULL WHERE id = %s",
        site.canary.call,
    )


def _young_file_gone(site: Site) -> AbstractContextManager[str]:
    track = site.canary.tracks["caller"]
    (path,) = site.objects.glob(f"{site.canary.tenant.hex}/tracks/*/*/*/{track.hex}")
    return site.planted_file(path, None, f"track {track}")


def _uncertified(site: Site) -> AbstractContextManager[str]:
    change = "UPDATE privacy_erasure SET certificate = NULL WHERE id = %s"
    return _changed_certificate(site, change)


def _falsified(site: Site) -> AbstractContextManager[str]:
    change = (
        "UPDATE privacy_erasure SET certificate = jsonb_set(certificate, '{keys_held}', '7')"
        " WHERE id = %s"
    )
    return _changed_certificate(site, change)


def _changed_certificate(site: Site, change: str) -> AbstractContextManager[str]:
    row = site.database.execute(
        "SELECT id FROM privacy_erasure WHERE tenant_id = %s AND certificate IS NOT NULL"
        " AND kind = 'bucket' ORDER BY id DESC LIMIT 1",
        [site.canary.tenant],
    ).fetchone()
    if row is None:
        raise RuntimeError("no day of the canary has ended")
    return site.planted(f"erasure {row[0]}", change, row[0])


EXPIRED_GONE = Control(
    name="expired-gone",
    says="What is older than its retention is deleted without anybody asking, and nothing younger.",
    limits="Of call records and recordings. That the keys of a day are destroyed shows in what no"
    " longer opens, which this does not try. What a legal hold covers is left out, and days that"
    " ended before there were certificates.",
    population=_population,
    check=_check,
    violations=(
        Violation("old-call-record", _RECORDS, _old_record),
        Violation("old-track", _TRACKS_TOO, _old_track),
        Violation("old-track-by-choice", _CHOSEN, _older_than_chosen),
        Violation("old-object", _TRACKS_TOO, _old_file),
        Violation("young-record-gone", _RECORDS, _young_gone),
        Violation("young-object-gone", _TRACKS_TOO, _young_file_gone),
        Violation("no-certificate", _EITHER, _uncertified),
        Violation("false-certificate", _EITHER, _falsified),
    ),
)
