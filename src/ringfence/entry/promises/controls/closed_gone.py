"""Of a tenant that can come back no more nothing is left but what is said to stay."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from uuid import UUID, uuid4

from psycopg import sql

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.controls.expired_gone import is_signed
from ringfence.entry.promises.controls.periods_as_promised import longest
from ringfence.entry.promises.site import Site
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.settings import load_settings

_CLAUSES = ("CCA-04.0-06",)
_WINDOW = "accounts.reactivation_days"
_STAYS = {
    "audit_batch", "audit_use",
    "compliance_case", "compliance_disclosure", "compliance_notice",
    "consent_evidence", "consent_wording",
    "ledger_account", "ledger_checkpoint", "ledger_entry", "ledger_line", "ledger_rate",
    "ledger_rate_deck", "ledger_unrated",
    "policy_acceptance",
    "privacy_erasure", "privacy_hold",
}  # fmt: skip
_HELD = {
    "calls_call", "calls_journal", "calls_leg", "calls_tag",
    "recordings_recording", "recordings_track",
}  # fmt: skip
"""What stays as well while a legal hold lasts."""
_CLOSED = """
    SELECT t.id, EXISTS (SELECT 1 FROM privacy_hold h
        WHERE h.tenant_id = t.id AND h.released_at IS NULL)
    FROM accounts_tenant t WHERE t.status = 'closed' AND t.ends_at < now() - interval '3 hours'
    AND (coalesce(t.warned_at + make_interval(days => %s), t.ends_at) < now() - interval '3 hours'
        OR EXISTS (SELECT 1 FROM privacy_erasure e WHERE e.tenant_id = t.id AND e.kind = 'tenant'))
"""
_TABLES = """
    SELECT c.relname FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
"""
_ENDS = """
    SELECT state, certificate FROM privacy_erasure WHERE tenant_id = %s AND kind = 'tenant'
"""


def _closed(site: Site) -> dict[UUID, bool]:
    """Tenants whose end is three hours ago or more, and whether a legal hold keeps part of it. Who
    was told of it too late ends later."""
    notice = site.profile.deletion.notice_days
    return dict(site.database.execute(_CLOSED, [notice]).fetchall())


def _check(site: Site) -> list[Finding]:
    return [*_window(site), *_rows(site), *_files(site), *_certificates(site)]


def _window(site: Site) -> Iterator[Finding]:
    promised, days = site.profile.deletion.reactivation, load_settings().accounts.reactivation_days
    if days != longest(promised):
        yield Finding("other_window", _WINDOW, f"{days} days; promised: {promised}")


def _rows(site: Site) -> Iterator[Finding]:
    """Whatever table there is: one that came later is no exception until somebody says so."""
    closed = _closed(site)
    free = [tenant for tenant, held in closed.items() if not held]
    tables = {name for (name,) in site.database.execute(_TABLES).fetchall()} - _STAYS
    for table in sorted(tables):
        query = sql.SQL(
            "SELECT tenant_id, count(*) FROM {} WHERE tenant_id = ANY (%s) GROUP BY tenant_id"
        ).format(sql.Identifier(table))
        looked = free if table in _HELD else list(closed)
        for tenant, count in site.database.execute(query, [looked]).fetchall():
            yield Finding("left", f"{table} {tenant}", f"{count} rows")
    codes = "SELECT id FROM compliance_case WHERE code_hash IS NOT NULL AND tenant_id = ANY (%s)"
    for (case,) in site.database.execute(codes, [list(closed)]).fetchall():
        yield Finding("left", f"compliance_case {case}", "the hash of a code")


def _files(site: Site) -> Iterator[Finding]:
    prompts, tracks = site.settings.prompt_dir, site.settings.track_dir
    for tenant, held in _closed(site).items():
        for folder in (prompts,) if held else (site.objects, prompts, tracks):
            for path in (folder / tenant.hex).rglob("*"):
                if path.is_file() and not path.name.startswith("."):
                    yield Finding("left", str(path.relative_to(folder)))


def _certificates(site: Site) -> Iterator[Finding]:
    for tenant in _closed(site):
        found = site.database.execute(_ENDS, [tenant]).fetchall()
        if len(found) != 1 or found[0][0] != "cleaned":
            yield Finding("not_ended", f"end of {tenant}")
            continue
        certificate = found[0][1]
        true = certificate and certificate.get("tenant") == public_id(Prefix.TENANT, tenant)
        if not (true and certificate.get("kind") == "tenant" and is_signed(certificate)):
            yield Finding("no_certificate", f"end of {tenant}")


def _sealed_value(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        f"calls_call {site.canary.closed}",
        "INSERT INTO calls_call (id, tenant_id, direction, started_at, billed_seconds, caller_id,"
        " caller_sealed) SELECT gen_random_uuid(), %s, direction, started_at, 0, caller_id,"
        " caller_sealed FROM calls_call WHERE id = %s",
        site.canary.closed,
        site.canary.call,
    )


def _api_key(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        f"accounts_api_key {site.canary.closed}",
        "INSERT INTO accounts_api_key (id, tenant_id, name, secret_hash, last4, scopes, purposes,"
        " created_at, allowed_networks) VALUES (gen_random_uuid(), %s, 'revived',"
        " sha256('revived'), 'aaaa', '{}', '{}', now(), '{}')",
        site.canary.closed,
    )


def _membership(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        f"identity_membership {site.canary.closed}",
        "INSERT INTO identity_membership (id, tenant_id, user_id, role, work_location, created_at)"
        " VALUES (gen_random_uuid(), %s, gen_random_uuid(), 'owner', '', now())",
        site.canary.closed,
    )


def _object(site: Site) -> AbstractContextManager[str]:
    path = site.objects / site.canary.closed.hex / "tracks/2026/01/01" / uuid4().hex
    return site.planted_file(path, b"\x01", str(path.relative_to(site.objects)))


def _uncertified(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        f"end of {site.canary.closed}",
        "UPDATE privacy_erasure SET certificate = NULL WHERE tenant_id = %s AND kind = 'tenant'",
        site.canary.closed,
    )


@contextlib.contextmanager
def _longer_window(site: Site) -> Iterator[str]:
    name = "RINGFENCE_ACCOUNTS__REACTIVATION_DAYS"
    before = os.environ.get(name)
    os.environ[name] = str(longest(site.profile.deletion.reactivation) + 1)
    try:
        yield _WINDOW
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


CLOSED_GONE = Control(
    name="closed-gone",
    says="A closed tenant may come back as long as is promised; then nothing of it is left, but for"
    " its name, its books, the audit trail, who was shown call details, what it accepted, and"
    " certificates.",
    limits="That a tenant within its time loses nothing is seen by a test, not here; nor who of its"
    " people worked for nobody else, nor what is left in backups without keys. Of a tenant under a"
    " legal hold the calls and recordings are not looked at.",
    population=lambda site: len(_closed(site)),
    check=_check,
    violations=tuple(
        Violation(name, _CLAUSES, plant)
        for name, plant in (
            ("sealed-value-back", _sealed_value),
            ("api-key-revived", _api_key),
            ("membership-revived", _membership),
            ("object-back", _object),
            ("no-end-certificate", _uncertified),
            ("window-longer", _longer_window),
        )
    ),
)
