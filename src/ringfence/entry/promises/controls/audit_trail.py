"""Every use of personal values is in the audit trail, and the trail is whole."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.ids import Prefix, public_id

_CLAUSES = ("CCA-05.0-07",)
_SEALED_WITHIN = 60.0
_READS = """
    SELECT count(*) FROM audit_use WHERE tenant_id = %s AND %s = ANY(object_ids)
    AND action = 'open' AND at >= %s::timestamptz
"""


def _population(site: Site) -> int:
    row = site.database.execute("SELECT count(*) FROM audit_use").fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    from ringfence.platform_django.audit.retention import retention_start
    from ringfence.platform_django.audit.verify import judge

    kept_from = retention_start(SystemClock().now(), site.settings.audit.retention_months)
    report = judge(site.database, kept_from=kept_from)
    found = [
        Finding(problem.code, f"{public_id(Prefix.TENANT, problem.tenant)} batch {problem.seq}")
        for problem in report.problems
    ]
    missing = site.canary.reads - _logged(site)
    if missing > 0:
        found.append(Finding("use_not_logged", _call(site), f"{missing} of {site.canary.reads}"))
    return found


def _call(site: Site) -> str:
    return public_id(Prefix.CALL, site.canary.call)


def _logged(site: Site) -> int:
    row = site.database.execute(
        _READS, [site.canary.tenant, _call(site), site.canary.since]
    ).fetchone()
    return row[0] if row else 0


def await_sealed(site: Site) -> None:
    """Records are sealed in rounds: let the last one come."""
    deadline = time.monotonic() + _SEALED_WITHIN
    while _logged(site) < site.canary.reads and time.monotonic() < deadline:
        site.database.rollback()
        time.sleep(0.5)
    site.database.rollback()


def _batch(site: Site) -> tuple[str, int]:
    """The last batch of the canary's that has two records or more, and its name."""
    row = site.database.execute(
        "SELECT seq FROM audit_batch WHERE tenant_id = %s AND count > 1 ORDER BY seq DESC LIMIT 1",
        [site.canary.tenant],
    ).fetchone()
    if row is None:
        raise RuntimeError("no batch of the canary has two records")
    return f"{public_id(Prefix.TENANT, site.canary.tenant)} batch {row[0]}", row[0]


def _altered(site: Site) -> AbstractContextManager[str]:
    name, seq = _batch(site)
    return site.planted(
        name,
        "UPDATE audit_use SET actor = 'somebody else' WHERE tenant_id = %s AND batch_seq = %s"
        " AND batch_index = 0",
        site.canary.tenant,
        seq,
    )


def _rewritten(site: Site) -> AbstractContextManager[str]:
    """The record itself, as a forger would who knows that the columns alone do not count."""
    name, seq = _batch(site)
    return site.planted(
        name,
        "UPDATE audit_use SET record = set_byte(record, length(record) - 1,"
        " get_byte(record, length(record) - 1) # 1)"
        " WHERE tenant_id = %s AND batch_seq = %s AND batch_index = 1",
        site.canary.tenant,
        seq,
    )


def _removed(site: Site) -> AbstractContextManager[str]:
    name, seq = _batch(site)
    return site.planted(
        name,
        "DELETE FROM audit_use WHERE tenant_id = %s AND batch_seq = %s AND batch_index = 1",
        site.canary.tenant,
        seq,
    )


def _reordered(site: Site) -> AbstractContextManager[str]:
    name, seq = _batch(site)
    return site.planted(
        name,
        "UPDATE audit_use SET batch_index = 1 - batch_index"
        " WHERE tenant_id = %s AND batch_seq = %s AND batch_index < 2",
        site.canary.tenant,
        seq,
    )


def _unlogged(site: Site) -> AbstractContextManager[str]:
    """Uses that no record tells of, and no batch either: as if the gate had kept quiet."""
    return site.planted(
        _call(site),
        "UPDATE audit_use SET object_ids = array_remove(object_ids, %s)"
        " WHERE tenant_id = %s AND action = 'open'",
        _call(site),
        site.canary.tenant,
    )


AUDIT_TRAIL = Control(
    name="audit-trail",
    says="Every use of a personal value leaves a record, and no record can be altered unnoticed.",
    limits="That uses are logged is seen of reads of one call's record alone. Whoever can write the"
    " whole database can extend a chain consistently; exported heads show a change of what was"
    " exported (ringfence audit verify).",
    population=_population,
    check=_check,
    violations=(
        Violation("altered-record", _CLAUSES, _altered),
        Violation("rewritten-record", _CLAUSES, _rewritten),
        Violation("removed-record", _CLAUSES, _removed),
        Violation("reordered-records", _CLAUSES, _reordered),
        Violation("unlogged-use", _CLAUSES, _unlogged),
    ),
)
