"""What people allowed and refused: the evidence is whole, and who refused is not recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid4

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.controls.periods_as_promised import longest
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.ids import Prefix, public_id, uuid7_floor

_HISTORY = ("SIP-01.3-04",)
_ROLES = ("ringfence_app", "ringfence_operator", "ringfence_callplane", "ringfence_identity")
_KEPT = ("SIP-08.1-04",)
_GRACE = timedelta(days=2)
_SECONDS = 2
"""How long after a refusal a recording that was under way may have gone on."""
_CHAIN = """
    SELECT tenant_id, seq, previous, digest, id, person_id, scope, state, method, wording_id,
        wording_hash, recorded_at, actor, contact_hash, source_hash, contact_sealed, source_sealed
    FROM consent_evidence
    UNION ALL SELECT tenant_id, seq, previous, digest, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM consent_link ORDER BY tenant_id, seq
"""
"""With the places of what ended: a chain may begin with one."""
_CUT = """
    SELECT DISTINCT o FROM audit_use u, unnest(u.object_ids) o
    WHERE u.action = 'choose' AND o LIKE 'CO%%' AND o >= %s COLLATE "C"
    AND NOT EXISTS (SELECT 1 FROM consent_evidence e WHERE e.id = substr(o, 3)::uuid)
"""
_WORDINGS = """
    SELECT e.id, w.text, w.hash FROM consent_evidence e
    LEFT JOIN consent_wording w ON w.id = e.wording_id AND w.tenant_id = e.tenant_id
        AND w.scope = e.scope
    WHERE e.wording_id IS NOT NULL AND (w.id IS NULL OR w.hash <> e.wording_hash)
"""
_ASKED = """
    SELECT id FROM consent_evidence WHERE state = 'granted' AND wording_id IS NULL
"""
_REFUSED = """
    SELECT r.id FROM recordings_recording r
    JOIN recordings_track t ON t.recording_id = r.id AND t.tenant_id = r.tenant_id
    JOIN LATERAL (
        SELECT e.state FROM consent_evidence e
        WHERE e.tenant_id = t.tenant_id AND e.person_id = t.person_id AND e.scope = 'recording'
        AND e.recorded_at < r.started_at ORDER BY e.seq DESC LIMIT 1
    ) said ON said.state IN ('denied', 'withdrawn')
"""
_WENT_ON = """
    SELECT r.id FROM recordings_recording r
    JOIN recordings_track t ON t.recording_id = r.id AND t.tenant_id = r.tenant_id
    JOIN consent_evidence e ON e.tenant_id = t.tenant_id AND e.person_id = t.person_id
        AND e.scope = 'recording' AND e.state IN ('denied', 'withdrawn')
    WHERE e.recorded_at >= r.started_at AND r.ended_at > e.recorded_at + make_interval(secs => %s)
"""
_OVERDUE = """
    SELECT id FROM consent_evidence e
    WHERE id < %s AND (contact_sealed IS NOT NULL OR source_sealed IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM privacy_hold h, jsonb_array_elements(h.persons) held
        WHERE h.released_at IS NULL AND held->>0 = e.person_id::text)
"""
_MAY = """
    SELECT rolname, t, p FROM unnest(%s::text[]) rolname,
        unnest(ARRAY['consent_evidence', 'consent_wording']) t,
        unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p
    WHERE has_table_privilege(rolname, t, p)
    UNION ALL
    SELECT rolname, t || '.' || a.attname, 'UPDATE' FROM unnest(%s::text[]) rolname,
        unnest(ARRAY['consent_evidence', 'consent_wording']) t
    JOIN pg_attribute a ON a.attrelid = t::regclass AND a.attnum > 0 AND NOT a.attisdropped
    WHERE has_column_privilege(rolname, t, a.attname, 'UPDATE')
    AND NOT has_table_privilege(rolname, t, 'UPDATE')
    AND NOT (rolname = 'ringfence_operator' AND t = 'consent_evidence'
        AND a.attname IN ('contact_sealed', 'source_sealed'))
"""


def _population(site: Site) -> int:
    """Pieces of evidence, if a call was placed after a refusal; else nothing is proven."""
    row = site.database.execute(
        "SELECT (SELECT count(*) FROM consent_evidence), (SELECT count(*) FROM calls_call c"
        " WHERE c.answered_at IS NOT NULL AND EXISTS (SELECT 1 FROM consent_evidence e"
        " WHERE e.tenant_id = c.tenant_id AND e.person_id = c.caller_id AND e.scope = 'recording'"
        " AND e.state IN ('denied', 'withdrawn') AND e.recorded_at < c.started_at))"
    ).fetchone()
    return row[0] if row is not None and row[1] else 0


def _check(site: Site) -> list[Finding]:
    rows = site.database.execute(_CHAIN).fetchall()
    found = list(_broken(rows))
    query = site.database.execute
    found += [Finding("evidence_missing", text) for (text,) in query(_CUT, [_name(_over(site))])]
    found += [Finding("other_wording", _name(id_)) for id_, *_ in query(_WORDINGS).fetchall()]
    found += [Finding("not_asked", _name(id_)) for (id_,) in query(_ASKED).fetchall()]
    for id_, text, hash_ in query("SELECT id, text, hash FROM consent_wording").fetchall():
        if hashlib.sha256(text.encode()).hexdigest() != hash_:
            found.append(Finding("wording_changed", f"consent_wording {id_}"))
    recordings = {id_ for (id_,) in query(_REFUSED).fetchall()}
    found += [Finding("recorded_refused", f"recordings_recording {id_}") for id_ in recordings]
    late = {id_ for (id_,) in query(_WENT_ON, [_SECONDS]).fetchall()}
    found += [Finding("recorded_on", f"recordings_recording {id_}") for id_ in late]
    found += [
        Finding("kept_too_long", _name(id_))
        for (id_,) in query(_OVERDUE, [_bound(site)]).fetchall()
    ]
    for role, what, privilege in query(_MAY, [list(_ROLES), list(_ROLES)]).fetchall():
        found.append(Finding("may_change", f"{role} {what}", privilege))
    return found


def _bound(site: Site) -> UUID:
    """No piece that must have lost its number has a greater id (RFC 9562, section 5.7): a day ends
    after its whole days are over, and is swept within the hour."""
    kept = timedelta(days=site.settings.retention.identifier.consents) + _GRACE
    return UUID(int=int((SystemClock().now() - kept).timestamp() * 1000) << 80)


def _over(site: Site) -> UUID:
    """No piece with a greater id can have ended, whatever was said after it."""
    kept = timedelta(days=longest(site.profile.retention.messaging_consents.legal_floor)) - _GRACE
    return uuid7_floor(int((SystemClock().now() - kept).timestamp() * 1000))


def _broken(rows: list[tuple[Any, ...]]) -> Iterator[Finding]:
    """Digests computed here anew, by what docs/guides/consent.md says of them."""
    tenant, at, head = None, 0, ""
    for row in rows:
        if row[0] != tenant:
            tenant, at, head = row[0], 0, ""
            if row[4] is None:
                at, head = row[1] - 1, row[2]
        seq, previous, digest, id_ = row[1:5]
        if seq != at + 1 or previous != head:
            yield Finding("chain_broken", _name(id_) if id_ else f"consent_link {tenant} {seq}")
        at, head = seq, digest
        if id_ is None:
            continue
        if _digest(previous, row) != digest:
            yield Finding("evidence_changed", _name(id_))
        for sealed, hash_ in ((row[15], row[13]), (row[16], row[14])):
            if sealed is not None and hashlib.sha256(sealed).hexdigest() != hash_:
                yield Finding("evidence_changed", _name(id_))


def _digest(previous: str, row: tuple[Any, ...]) -> str:
    (tenant, seq, _, _, id_, person, scope, state, method, wording, wording_hash, at, actor,
     contact, source, _, _) = row  # fmt: skip
    facts = {
        "actor": actor,
        "contact_hash": contact,
        "id": id_.hex,
        "method": method,
        "person": person.hex,
        "recorded_at": at.astimezone(UTC).isoformat(),
        "scope": scope,
        "seq": seq,
        "source_hash": source,
        "state": state,
        "tenant": tenant.hex,
        "wording": None if wording is None else wording.hex,
        "wording_hash": wording_hash,
    }
    spelled = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{spelled}".encode()).hexdigest()


def _name(id_: UUID) -> str:
    return public_id(Prefix.CONSENT, id_)


def _of_canary(site: Site, back: int = 0) -> UUID:
    """The canary's newest piece of evidence, or one so many before it."""
    row = site.database.execute(
        "SELECT id FROM consent_evidence WHERE tenant_id = %s ORDER BY seq DESC OFFSET %s LIMIT 1",
        [site.canary.tenant, back],
    ).fetchone()
    if row is None:
        raise RuntimeError("the canary has too little evidence")
    found: UUID = row[0]
    return found


def _altered(site: Site) -> AbstractContextManager[str]:
    id_ = _of_canary(site)
    return site.planted(
        _name(id_), "UPDATE consent_evidence SET state = 'granted' WHERE id = %s", id_
    )


def _rewritten(site: Site) -> AbstractContextManager[str]:
    """Somebody else's consent, with another sealed number in its place."""
    id_ = _of_canary(site, 1)
    return site.planted(
        _name(id_),
        "UPDATE consent_evidence SET contact_sealed = set_byte(contact_sealed, 20,"
        " get_byte(contact_sealed, 20) # 1) WHERE id = %s",
        id_,
    )


def _removed(site: Site) -> AbstractContextManager[str]:
    """The next one shows that it is missing."""
    return site.planted(
        _name(_of_canary(site)),
        "DELETE FROM consent_evidence WHERE id = %s",
        _of_canary(site, 1),
    )


def _cut_off(site: Site) -> AbstractContextManager[str]:
    """The last piece: the chain before it is whole, and the audit trail knows better."""
    id_ = _of_canary(site)
    return site.planted(_name(id_), "DELETE FROM consent_evidence WHERE id = %s", id_)


def _moved(site: Site) -> AbstractContextManager[str]:
    id_ = _of_canary(site, 1)
    return site.planted(
        _name(id_), "UPDATE consent_evidence SET seq = seq + 1000000 WHERE id = %s", id_
    )


def _other_text(site: Site) -> AbstractContextManager[str]:
    row = site.database.execute(
        "SELECT id FROM consent_wording WHERE tenant_id = %s LIMIT 1", [site.canary.tenant]
    ).fetchone()
    if row is None:
        raise RuntimeError("the canary has no wording")
    return site.planted(
        f"consent_wording {row[0]}",
        "UPDATE consent_wording SET text = text || ' And sell it.' WHERE id = %s",
        row[0],
    )


def _recorded(site: Site) -> AbstractContextManager[str]:
    """As if the call plane had not asked."""
    id_ = uuid4()
    return site.planted(
        f"recordings_recording {id_}",
        "WITH call AS (SELECT id, tenant_id, caller_id, answered_at FROM calls_call WHERE id = %s),"
        " track AS (INSERT INTO recordings_track (id, tenant_id, recording_id, call_id, leg_id,"
        " role, person_id, state) SELECT %s, tenant_id, %s, id, %s, 'caller', caller_id, 'stored'"
        " FROM call) INSERT INTO recordings_recording (id, tenant_id, call_id, started_at,"
        " ended_at, state, rule, day, gap, customer_keys) SELECT %s, tenant_id, id, answered_at,"
        " answered_at, 'stored', 'recordings', 1, 'silence', '[]' FROM call",
        site.canary.refused_call,
        uuid4(),
        id_,
        uuid4(),
        id_,
    )


def _never_swept(site: Site) -> AbstractContextManager[str]:
    """A whole chain of one old piece, whose number is still there."""
    id_, who, sealed = UUID(int=_bound(site).int - 1), uuid4(), b"\x01" + bytes(40)
    at = SystemClock().now() - timedelta(days=36_500)
    hash_ = hashlib.sha256(sealed).hexdigest()
    facts = (site.canary.quiet, 1, "", "", id_, who, "profiling", "denied", "written", None, None,
             at, "examiner", hash_, None, sealed, None)  # fmt: skip
    return site.planted(
        _name(id_),
        "INSERT INTO consent_evidence (tenant_id, seq, previous, digest, id, person_id, scope,"
        " state, method, wording_id, wording_hash, recorded_at, actor, contact_hash, source_hash,"
        " contact_sealed, source_sealed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        *facts[:3],
        _digest("", facts),
        *facts[4:],
    )


@contextmanager
def _may_change(site: Site) -> Iterator[str]:
    with site.database.transaction(force_rollback=True):
        site.database.execute("GRANT UPDATE ON consent_evidence TO ringfence_app")
        yield "ringfence_app consent_evidence"


CONSENT_EVIDENCE = Control(
    name="consent-evidence",
    says="What people allowed and refused is written down once and never changed, and who refused"
    " to be recorded is in no recording that began later.",
    limits="Whoever can write the whole database, the audit trail too, can rewrite a chain. That"
    " nobody refused against whom nothing was written down, nobody can see.",
    population=_population,
    check=_check,
    violations=(
        Violation("altered-evidence", _HISTORY, _altered),
        Violation("another-number", _HISTORY, _rewritten),
        Violation("removed-evidence", _HISTORY, _removed),
        Violation("end-cut-off", _HISTORY, _cut_off),
        Violation("moved-evidence", _HISTORY, _moved),
        Violation("another-text", _HISTORY, _other_text),
        Violation("recorded-after-refusal", (), _recorded),
        Violation("changeable", _HISTORY, _may_change),
        Violation("number-never-swept", _KEPT, _never_swept),
    ),
)
