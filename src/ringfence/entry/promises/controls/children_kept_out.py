"""Nobody signs in who did not say that they are old enough; who is a child is erased."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID, uuid4

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_OUT = ("SIP-11.0-01", "CCA-08.0-01", "CLX-10.0-01", "CMX-12.0-01")
_ERASED = ("SIP-11.0-02", "CMX-12.0-02", "CLX-10.0-01", "CCA-08.0-01", "SIP-11.0-01")
_REPORTED = ("SIP-11.0-03", "CMX-12.0-02")
_ERASE_WITHIN = timedelta(days=1)
"""From the moment that it is confirmed; the job of it runs at once, and again every ten minutes."""
_ANSWER_WITHIN = timedelta(days=3)
"""From a report to its answer; typed here."""
_NOT_ERASED = """
    SELECT id FROM privacy_rights_request
    WHERE kind = 'child' AND person_id IS NOT NULL AND state IN ('verified', 'running')
        AND verified_at < now() - %s ORDER BY id
"""
_NOTHING_DIED = """
    SELECT r.id FROM privacy_rights_request r
    WHERE r.kind = 'child' AND r.person_id IS NOT NULL AND r.state = 'done'
        AND r.receipt->'result'->>'restricted' IS DISTINCT FROM 'true'
        AND NOT EXISTS (SELECT FROM privacy_erasure e WHERE e.id = r.erasure_id
            AND e.tenant_id = r.tenant_id AND e.state = 'cleaned' AND e.destroyed_at IS NOT NULL
            AND e.certificate IS NOT NULL
            AND translate(e.destruction::text, '-', '') LIKE
                '%%' || replace(r.person_id::text, '-', '') || '%%')
    ORDER BY r.id
"""
_UNANSWERED = """
    SELECT id FROM privacy_rights_request
    WHERE kind = 'child' AND state = 'received' AND received_at < now() - %s ORDER BY id
"""
_LIFTED_FOR_NOTHING = """
    SELECT id FROM privacy_rights_request
    WHERE kind = 'child' AND (state = 'refused' OR lifted_at IS NOT NULL)
        AND (lifted_at IS NULL OR decided_by IS NULL
            OR lifted_hash IS NULL AND authority_sealed IS NULL AND person_id IS NOT NULL)
    ORDER BY id
"""
_SINCE = "(SELECT min(applied) FROM django_migrations WHERE app = 'identity' AND name = '0007_age')"
_SAID_NOTHING = f"""
    SELECT m.id FROM identity_membership m JOIN identity_user u ON u.id = m.user_id
    WHERE m.created_at > {_SINCE}
        AND NOT EXISTS (SELECT FROM identity_age_attestation a WHERE a.user_id = m.user_id
            AND length(a.wording_hash) = 64 AND a.attested_at <= m.created_at + interval '1 minute')
    ORDER BY m.id
"""  # noqa: S608 - constants
_TOO_YOUNG = """
    SELECT m.id FROM identity_membership m
    JOIN identity_age_attestation a ON a.user_id = m.user_id
    WHERE m.tenant_id = %s GROUP BY m.id HAVING max(a.age) < %s ORDER BY m.id
"""


def _population(site: Site) -> int:
    row = site.database.execute(
        "SELECT (SELECT count(*) FROM privacy_rights_request"
        " WHERE kind = 'child' AND person_id IS NOT NULL)"
        " + (SELECT count(*) FROM identity_age_attestation)"
    ).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    query, found = site.database.execute, list[Finding]()
    too_young = [site.canary.tenant, site.profile.age.minimum]
    for code, table, rows in (
        ("child_not_erased", "privacy_rights_request", query(_NOT_ERASED, [_ERASE_WITHIN])),
        ("child_without_erasure", "privacy_rights_request", query(_NOTHING_DIED, [])),
        ("report_unanswered", "privacy_rights_request", query(_UNANSWERED, [_ANSWER_WITHIN])),
        ("lifted_without_a_parent", "privacy_rights_request", query(_LIFTED_FOR_NOTHING, [])),
        ("member_of_unknown_age", "identity_membership", query(_SAID_NOTHING, [])),
        ("member_too_young", "identity_membership", query(_TOO_YOUNG, too_young)),
    ):
        found += [Finding(code, f"{table} {id_}") for (id_,) in rows.fetchall()]
    return found


def _report(site: Site, **changes: object) -> AbstractContextManager[str]:
    """A report as the product makes them, confirmed and done, but for what is changed."""
    id_ = uuid4()
    values: dict[str, object] = {
        "state": "done", "age": timedelta(days=2), "verified": timedelta(days=2),
        "done": timedelta(days=1), "lifted": None, "decided": None, **changes,
    }  # fmt: skip
    return site.planted(
        f"privacy_rights_request {id_}",
        "INSERT INTO privacy_rights_request (id, tenant_id, kind, person_id, jurisdiction, channel,"
        " state, received_at, acknowledge_by, due_at, verified_at, verified_by, method,"
        " completed_at, lifted_at, decided_by, package_id, receipt)"
        " SELECT %s, %s, 'child', %s, 'us-ca', 'note', %s, t.at, t.at + interval '10 days',"
        " t.at + interval '3 days', now() - %s::interval, 'planted', 'confirmed',"
        " now() - %s::interval, now() - %s::interval, %s, %s,"
        ' \'{"signature": "planted", "result": {}}\'::jsonb'
        " FROM (SELECT now() - %s::interval AS at) t",
        *(id_, site.canary.tenant, uuid4(), values["state"], values["verified"], values["done"]),
        *(values["lifted"], values["decided"], uuid4(), values["age"]),
    )


_MEMBER = """
    WITH u AS (
        INSERT INTO identity_user (id, email, password, is_active, created_at)
        VALUES (%s, %s, '!', true, now()) RETURNING id
    ), a AS (
        INSERT INTO identity_age_attestation
            (id, user_id, age, wording_version, wording_hash, attested_at)
        SELECT %s, u.id, %s::smallint, 1, repeat('0', 64), now() FROM u
        WHERE %s::smallint IS NOT NULL
    )
    INSERT INTO identity_membership (id, tenant_id, user_id, role, work_location, created_at)
    SELECT %s, %s, u.id, 'agent', '', now() + interval '1 second' FROM u
"""


def _member(site: Site, age: int | None) -> AbstractContextManager[str]:
    """Somebody who signs in, and as how old they said to be at least."""
    user, member = uuid4(), uuid4()
    return site.planted(
        f"identity_membership {member}",
        _MEMBER,
        *(user, f"{user.hex}@planted.invalid", uuid4(), age, age, member, site.canary.tenant),
    )


def _other_erasure(site: Site) -> AbstractContextManager[str]:
    """The child's erasure destroyed somebody else's keys."""
    row = site.database.execute(
        "SELECT id FROM privacy_rights_request WHERE tenant_id = %s AND kind = 'child'"
        " AND state = 'done' AND erasure_id IS NOT NULL ORDER BY id DESC LIMIT 1",
        [site.canary.tenant],
    ).fetchone()
    if row is None:
        raise RuntimeError("the canary marked no child")
    id_: UUID = row[0]
    return site.planted(
        f"privacy_rights_request {id_}",
        "UPDATE privacy_rights_request SET person_id = %s WHERE id = %s",
        uuid4(),
        id_,
    )


CHILDREN_KEPT_OUT = Control(
    name="children-kept-out",
    says="Everybody who signs in said that they are as old as the policy wants people to be; who is"
    " confirmed to be a child is erased, with a certificate; each report is answered in three days,"
    " and lifted by a parent's evidence alone.",
    limits="Who says a false age. People who became members before this was asked. That nothing of"
    " a reported child is used is shown by tests, and by the matrix of purposes.",
    population=_population,
    check=_check,
    violations=(
        Violation("member-who-said-nothing", _OUT, lambda site: _member(site, None)),
        Violation(
            "member-a-year-too-young",
            _OUT,
            lambda site: _member(site, site.profile.age.minimum - 1),
        ),
        Violation(
            "confirmed-and-still-here",
            _ERASED,
            lambda site: _report(site, state="running", done=None),
        ),
        Violation("done-and-nothing-died", _ERASED, _report),
        Violation("somebody-else-died", _ERASED, _other_erasure),
        Violation(
            "nobody-looked-at-a-report",
            _REPORTED,
            lambda site: _report(
                site, state="received", verified=None, done=None, age=timedelta(days=4)
            ),
        ),
        Violation(
            "refused-without-a-parent",
            _REPORTED,
            lambda site: _report(site, state="refused", verified=None, decided="planted"),
        ),
        Violation(
            "lifted-without-evidence",
            _REPORTED,
            lambda site: _report(
                site, state="refused", verified=None, decided="planted", lifted=timedelta(hours=1)
            ),
        ),
    ),
)
