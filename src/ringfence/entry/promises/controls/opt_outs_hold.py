"""Who opted out by a request is held to have said so, at once, and it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from uuid import UUID

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.policies.profiles.period import Period, Unit

_CPNI = ("CTX-02.G-03",)
_GRACE = timedelta(minutes=1)
_WITHOUT = """
    SELECT r.id FROM privacy_rights_request r
    LEFT JOIN consent_evidence e ON e.id = r.evidence_id AND e.tenant_id = r.tenant_id
        AND e.person_id = r.person_id AND e.state = 'withdrawn' AND e.method = 'rights_request'
        AND e.scope = CASE r.kind WHEN 'opt_out_sale' THEN 'sale_or_sharing'
            WHEN 'opt_out_ads' THEN 'targeted_ads' WHEN 'opt_out_profiling' THEN 'profiling'
            WHEN 'opt_out_cpni' THEN 'cpni_use' END
    WHERE r.kind LIKE 'opt_out_%%' AND e.id IS NULL ORDER BY r.id
"""
_LATE = """
    SELECT r.id FROM privacy_rights_request r
    JOIN consent_evidence e ON e.id = r.evidence_id AND e.tenant_id = r.tenant_id
    WHERE r.tenant_id = %s AND e.recorded_at > r.received_at + %s ORDER BY r.id
"""
_UNPROVEN = """
    SELECT id FROM privacy_rights_request
    WHERE method = 'not_needed' AND kind NOT LIKE 'opt_out_%%' ORDER BY id
"""
_REFUSED = """
    SELECT id FROM privacy_rights_request
    WHERE kind LIKE 'opt_out_%%' AND state = 'refused' ORDER BY id
"""


def _population(site: Site) -> int:
    row = site.database.execute(
        "SELECT count(*) FROM privacy_rights_request WHERE kind LIKE 'opt_out_%'"
    ).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    query, found = site.database.execute, list[Finding]()
    late = [site.canary.tenant, _most(site.profile.rights.opt_out_within) + _GRACE]
    for code, rows in (
        ("opt_out_without_evidence", query(_WITHOUT, []).fetchall()),
        ("opt_out_late", query(_LATE, late).fetchall()),
        ("unproven_beyond_opt_outs", query(_UNPROVEN, []).fetchall()),
        ("opt_out_refused", query(_REFUSED, []).fetchall()),
    ):
        found += [Finding(code, _name(id_)) for (id_,) in rows]
    return found


def _most(period: Period) -> timedelta:
    """Of a length by the calendar, its longest."""
    if period.unit is Unit.HOURS:
        return timedelta(hours=period.amount)
    return timedelta(days=period.amount * (3 if period.unit is Unit.BUSINESS_DAYS else 1))


def _name(id_: UUID) -> str:
    return f"privacy_rights_request {id_}"


def _of_canary(site: Site, kind: str) -> UUID:
    row = site.database.execute(
        "SELECT id FROM privacy_rights_request WHERE tenant_id = %s AND kind = %s"
        " ORDER BY id DESC LIMIT 1",
        [site.canary.tenant, kind],
    ).fetchone()
    if row is None:
        raise RuntimeError(f"the canary asked no {kind}")
    found: UUID = row[0]
    return found


def _changed(site: Site, statement: str, kind: str = "opt_out_cpni") -> AbstractContextManager[str]:
    id_ = _of_canary(site, kind)
    return site.planted(_name(id_), statement, id_)


@contextmanager
def _late(site: Site) -> Iterator[str]:
    """Asked long before it was written down."""
    id_ = _of_canary(site, "opt_out_cpni")
    early = _most(site.profile.rights.opt_out_within) + timedelta(days=1)
    with site.planted(
        _name(id_),
        "UPDATE privacy_rights_request SET received_at = received_at - %s WHERE id = %s",
        early,
        id_,
    ) as subject:
        yield subject


OPT_OUTS_HOLD = Control(
    name="opt-outs-hold",
    says="Whoever opts out, by the API, the desk or the portal, has a refusal among the evidence of"
    " consent from then on; nobody has to prove who they are for it, and for nothing else can one"
    " go without.",
    limits="That keys then refuse is shown by tests, and by the matrix of purposes.",
    population=_population,
    check=_check,
    violations=(
        Violation(
            "evidence-of-something-else",
            _CPNI,
            lambda site: _changed(
                site, "UPDATE privacy_rights_request SET kind = 'opt_out_ads' WHERE id = %s"
            ),
        ),
        Violation(
            "no-evidence",
            _CPNI,
            lambda site: _changed(
                site, "UPDATE privacy_rights_request SET evidence_id = NULL WHERE id = %s"
            ),
        ),
        Violation("held-too-late", _CPNI, _late),
        Violation(
            "refused-to-opt-out",
            _CPNI,
            lambda site: _changed(
                site, "UPDATE privacy_rights_request SET state = 'refused' WHERE id = %s"
            ),
        ),
        Violation(
            "a-copy-without-proof",
            (),
            lambda site: _changed(
                site,
                "UPDATE privacy_rights_request SET method = 'not_needed' WHERE id = %s",
                "access",
            ),
        ),
    ),
)
