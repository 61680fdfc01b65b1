"""Calls of a tenant that never switched recording on leave no recording."""

from __future__ import annotations

from contextlib import AbstractContextManager
from uuid import UUID, uuid4

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_CLAUSES = ("CTX-01.C-02", "CMX-05.0-01")
_ANSWERED = """
    SELECT count(*) FROM calls_call c LEFT JOIN recordings_settings s USING (tenant_id)
    WHERE c.tenant_id IS NOT NULL AND s.tenant_id IS NULL AND c.answered_at IS NOT NULL
"""
_UNASKED = """
    SELECT '{table} ' || r.id, r.tenant_id FROM {table} r
    LEFT JOIN recordings_settings s USING (tenant_id) WHERE s.tenant_id IS NULL
"""


def _population(site: Site) -> int:
    row = site.database.execute(_ANSWERED).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    found: list[Finding] = []
    for table in ("recordings_recording", "recordings_track"):
        rows = site.database.execute(_UNASKED.format(table=table)).fetchall()
        found += [Finding("recorded_unasked", subject) for subject, _ in rows]
    quiet = site.canary.quiet
    for folder in (site.objects, site.settings.track_dir):
        for path in (folder / quiet.hex).rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                found.append(Finding("recorded_unasked", str(path.relative_to(folder))))
    if site.database.execute(
        "SELECT 1 FROM recordings_settings WHERE tenant_id = %s AND enabled", [quiet]
    ).fetchone():
        found.append(Finding("enabled_unasked", f"recordings_settings {quiet}"))
    return found


def _row(site: Site) -> AbstractContextManager[str]:
    id_ = uuid4()
    return site.planted(
        f"recordings_recording {id_}",
        "INSERT INTO recordings_recording (id, tenant_id, call_id, started_at, state, rule, day,"
        " gap, customer_keys) SELECT %s, %s, id, started_at, 'stored', 'recordings', 1, 'silence',"
        " '[]' FROM calls_call WHERE id = %s",
        id_,
        site.canary.quiet,
        site.canary.quiet_call,
    )


def _file(site: Site) -> AbstractContextManager[str]:
    path = site.objects / site.canary.quiet.hex / "tracks" / "2000" / "01" / "01" / uuid4().hex
    return site.planted_file(path, b"\x01", str(path.relative_to(site.objects)))


def _switched_on(site: Site) -> AbstractContextManager[str]:
    """As if recording were on by default."""
    quiet: UUID = site.canary.quiet
    return site.planted(
        f"recordings_settings {quiet}",
        "INSERT INTO recordings_settings (tenant_id, enabled, gap, prompt, analysis_hours)"
        " VALUES (%s, true, 'silence', 'recording-notice-en', 24)",
        quiet,
    )


RECORDINGS_ASKED_FOR = Control(
    name="recordings-asked-for",
    says="No call is recorded unless its tenant switched recording on.",
    limits="Tenants alone have a switch today: there are no campaigns. When a tenant switched it on"
    " is not seen. Messages that callers leave are no recordings of calls.",
    population=_population,
    check=_check,
    violations=(
        Violation("recording-of-a-quiet-call", _CLAUSES, _row),
        Violation("object-of-a-quiet-tenant", _CLAUSES, _file),
        Violation("on-by-default", _CLAUSES, _switched_on),
    ),
)
