"""As the application role without a tenant there is no row anywhere; with one, only its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from tests.population import Populated, journal_event, leave_link, populate, record_call

from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.tenancy import current_tenant, tenant

TENANT_TABLES = {
    "accounts_access_token": "tenant_id",
    "accounts_api_key": "tenant_id",
    "accounts_oauth_client": "tenant_id",
    "accounts_request": "tenant_id",
    "accounts_settings": "tenant_id",
    "accounts_tenant": "id",
    "audit_batch": "tenant_id",
    "audit_use": "tenant_id",
    "calls_call": "tenant_id",
    "calls_journal": "tenant_id",
    "calls_leg": "tenant_id",
    "calls_tag": "tenant_id",
    "compliance_account": "tenant_id",
    "compliance_case": "tenant_id",
    "compliance_contact": "tenant_id",
    "compliance_disclosure": "tenant_id",
    "compliance_notice": "tenant_id",
    "consent_evidence": "tenant_id",
    "consent_link": "tenant_id",
    "consent_wording": "tenant_id",
    "devices_device": "tenant_id",
    "flows_flow": "tenant_id",
    "flows_prompt": "tenant_id",
    "flows_revision": "tenant_id",
    "flows_target": "tenant_id",
    "flows_version": "tenant_id",
    "identity_access_grant": "tenant_id",
    "identity_invitation": "tenant_id",
    "identity_membership": "tenant_id",
    "identity_role": "tenant_id",
    "identity_sso_connection": "tenant_id",
    "identity_sso_domain": "tenant_id",
    "ledger_account": "tenant_id",
    "ledger_checkpoint": "tenant_id",
    "ledger_entry": "tenant_id",
    "ledger_line": "tenant_id",
    "ledger_rate": "tenant_id",
    "ledger_rate_deck": "tenant_id",
    "ledger_unrated": "tenant_id",
    "numbers_number": "tenant_id",
    "platform_idempotent_request": "tenant_id",
    "privacy_erasure": "tenant_id",
    "privacy_hold": "tenant_id",
    "policy_acceptance": "tenant_id",
    "policy_notice": "tenant_id",
    "portal_notice": "tenant_id",
    "portal_portal": "tenant_id",
    "portal_visit": "tenant_id",
    "privacy_rights_request": "tenant_id",
    "processors_sent": "tenant_id",
    "recordings_recording": "tenant_id",
    "recordings_settings": "tenant_id",
    "recordings_track": "tenant_id",
    "trunks_source": "tenant_id",
    "trunks_trunk": "tenant_id",
    "webhooks_delivery": "tenant_id",
    "webhooks_endpoint": "tenant_id",
}
SIGN_IN = {
    "account_emailaddress",
    "account_emailconfirmation",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_session",
    "identity_cache",
    "identity_age_attestation",
    "identity_device",
    "identity_user",
    "mfa_authenticator",
    "socialaccount_socialaccount",
    "socialaccount_socialapp",
    "socialaccount_socialtoken",
    "usersessions_usersession",
}
"""Of people, not of tenants: the role ``identity`` alone has rights to them."""
NO_TENANTS = SIGN_IN | {
    "accounts_plan",
    "audit_spool",
    "calls_projector",
    "django_migrations",
    "ledger_cursor",
    "platform_config_version",
    "platform_mail",
    "policy_examined",
    "policy_incident",
    "policy_order",
    "policy_version",
    "procrastinate_events",
    "procrastinate_jobs",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
}


@pytest.fixture
def two(db: DatabaseUrls) -> tuple[Populated, Populated]:
    """Two tenants, and calls of nobody; every tenant table has rows of both tenants."""
    tenants = populate("Acme", 1), populate("Bolt", 2)
    record_call(new_id(), new_id(), None, disposition="failed")
    leave_link(db.owner, *(one.tenant for one in tenants))
    with psycopg.connect(db.owner) as connection:
        for table, column in TENANT_TABLES.items():
            owners = connection.execute(
                sql.SQL("SELECT DISTINCT {} FROM {}").format(
                    sql.Identifier(column), sql.Identifier(table)
                )
            )
            assert {one.tenant for one in tenants} <= {row[0] for row in owners}, table
    return tenants


@pytest.fixture
def app(db: DatabaseUrls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(db.app, autocommit=True) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == ("ringfence_app", False, False)
        yield connection


def count(connection: psycopg.Connection, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def bind(connection: psycopg.Connection, tenant_id: UUID) -> None:
    connection.execute("SELECT set_config('ringfence.tenant', %s, true)", [str(tenant_id)])


def test_every_table_is_known_and_forced(db: DatabaseUrls) -> None:
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT relname, relispartition, relrowsecurity AND relforcerowsecurity "
            "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
    assert {name for name, partition, _ in rows if not partition} == (
        set(TENANT_TABLES) | NO_TENANTS
    ), "a new table must be listed as one with tenants' rows, or as one without"
    unforced = {name for name, partition, forced in rows if not forced}
    assert unforced == NO_TENANTS


def test_no_row_without_a_tenant(two: tuple[Populated, Populated], app: psycopg.Connection) -> None:
    for table in TENANT_TABLES:
        assert count(app, table) == 0, table


def test_only_own_rows_with_a_tenant(
    two: tuple[Populated, Populated], app: psycopg.Connection
) -> None:
    for own in two:
        for table, column in TENANT_TABLES.items():
            with app.transaction():
                bind(app, own.tenant)
                owners = app.execute(
                    sql.SQL("SELECT DISTINCT {} FROM {}").format(
                        sql.Identifier(column), sql.Identifier(table)
                    )
                ).fetchall()
            assert owners == [(own.tenant,)], table


def test_a_pooled_session_forgets_the_tenant(
    two: tuple[Populated, Populated], app: psycopg.Connection
) -> None:
    with app.transaction():
        bind(app, two[0].tenant)
        assert count(app, "calls_call") == 1
    for table in TENANT_TABLES:  # the setting is now '' instead of unset
        assert count(app, table) == 0, table


def test_copy_gives_nothing_without_a_tenant(
    two: tuple[Populated, Populated], app: psycopg.Connection
) -> None:
    def copied(table: str) -> bytes:
        query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(table))
        with app.cursor().copy(query) as copy:
            return b"".join(bytes(block) for block in copy)

    for table in TENANT_TABLES:
        assert copied(table) == b"", table
    with app.transaction():
        bind(app, two[0].tenant)
        assert two[0].call.hex in copied("calls_call").decode().replace("-", "")


def test_partitions_are_closed(two: tuple[Populated, Populated], db: DatabaseUrls) -> None:
    with psycopg.connect(db.owner) as connection:
        partitions = [
            name
            for (name,) in connection.execute(
                "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
            )
        ]
        assert any(count(connection, name) for name in partitions), "no population, no green"
    assert len(partitions) >= 15
    for url in (db.app, db.operator, db.callplane):
        for name in partitions:
            with (
                psycopg.connect(url) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                count(connection, name)


def test_no_writing_for_another_tenant(
    two: tuple[Populated, Populated], app: psycopg.Connection
) -> None:
    own, other = two
    insert = (
        "INSERT INTO numbers_number (id, tenant_id, e164, label, dial, dial_timeout_seconds, "
        "status, created_at) VALUES (%s, %s, '+12025550777', '', '[]', 30, 'active', now())"
    )
    for bound in (None, own.tenant):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            if bound is not None:
                bind(app, bound)
            app.execute(insert, [new_id(), other.tenant])
    with app.transaction():
        bind(app, own.tenant)
        changed = app.execute("UPDATE numbers_number SET label = 'x' WHERE true").rowcount
        deleted = app.execute("DELETE FROM numbers_number WHERE id = %s", [other.number]).rowcount
    assert (changed, deleted) == (1, 0)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        bind(app, own.tenant)
        app.execute("UPDATE numbers_number SET tenant_id = %s", [other.tenant])


def test_the_application_role_writes_no_call_records(
    two: tuple[Populated, Populated], app: psycopg.Connection
) -> None:
    for statement in ("UPDATE calls_call SET billed_seconds = 0", "DELETE FROM calls_journal"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            bind(app, two[0].tenant)
            app.execute(statement)


def test_the_call_plane_inserts_and_reads_nothing(
    two: tuple[Populated, Populated], db: DatabaseUrls
) -> None:
    journal_event(new_id(), 1, two[0].tenant, {})
    journal_event(new_id(), 1, None, {})
    for table in TENANT_TABLES:
        with (
            psycopg.connect(db.callplane) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            count(connection, table)


def test_functions_before_a_tenant_are_a_named_list(db: DatabaseUrls) -> None:
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            """
            SELECT p.proname, array_agg(r.rolname::text ORDER BY r.rolname)
            FROM pg_proc p
            LEFT JOIN LATERAL aclexplode(p.proacl) a ON a.privilege_type = 'EXECUTE'
            LEFT JOIN pg_roles r ON r.oid = a.grantee AND r.rolname <> 'ringfence_owner'
            WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
            GROUP BY 1
            """
        ).fetchall()
        public = connection.execute(
            "SELECT count(*) FROM pg_proc p, aclexplode(p.proacl) a WHERE p.prosecdef "
            "AND p.pronamespace = 'public'::regnamespace AND a.grantee = 0"
        ).fetchone()
    found = {name: [role for role in roles if role] for name, roles in rows}
    assert found == {
        "ringfence_access_grant": ["ringfence_app"],
        "ringfence_audit_uses": ["ringfence_app"],
        "ringfence_api_key_used": ["ringfence_app"],
        "ringfence_authenticate_api_key": ["ringfence_app"],
        "ringfence_authenticate_token": ["ringfence_app"],
        "ringfence_bump_config_version": [],
        "ringfence_bump_flows_revision": [],
        "ringfence_config_version": ["ringfence_callplane"],
        "ringfence_drop_audit_before": ["ringfence_operator"],
        "ringfence_custody_terms": ["ringfence_callplane"],
        "ringfence_drop_sent_before": ["ringfence_operator"],
        "ringfence_drop_requests_before": ["ringfence_operator"],
        "ringfence_check_ended": [],
        "ringfence_end_books": ["ringfence_operator"],
        "ringfence_carry_books": ["ringfence_operator"],
        "ringfence_end_consents": ["ringfence_operator"],
        "ringfence_end_said": ["ringfence_operator"],
        "ringfence_end_tenant": ["ringfence_operator"],
        "ringfence_ensure_partitions": ["ringfence_app"],
        "ringfence_find_invitation": ["ringfence_app"],
        "ringfence_find_oauth_client": ["ringfence_app"],
        "ringfence_find_portal": ["ringfence_app"],
        "ringfence_flows_revision": ["ringfence_callplane"],
        "ringfence_ledger_balanced": [],
        "ringfence_ledger_mark": ["ringfence_operator"],
        "ringfence_ledger_sequence": [],
        "ringfence_live_marks": ["ringfence_app", "ringfence_operator"],
        "ringfence_member_identities": ["ringfence_app"],
        "ringfence_memberships": ["ringfence_app"],
        "ringfence_oauth_client_used": ["ringfence_app"],
        "ringfence_queue_mail": [
            "ringfence_app",
            "ringfence_identity",
            "ringfence_operator",
        ],
        "ringfence_record_egress": ["ringfence_callplane"],
        "ringfence_recording_settings": ["ringfence_callplane"],
        "ringfence_route_number": ["ringfence_callplane"],
        "ringfence_routing_devices": ["ringfence_callplane"],
        "ringfence_routing_trunks": ["ringfence_callplane"],
        "ringfence_sso_connection": ["ringfence_app"],
        "ringfence_sso_domain": ["ringfence_app"],
        "ringfence_sso_session": ["ringfence_app"],
        "ringfence_staff_identities": ["ringfence_operator"],
        "ringfence_tenant_is_active": ["ringfence_callplane"],
        "ringfence_tenant_requests": ["ringfence_app"],
    }
    assert public == (0,)


def _visible_calls() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM calls_call")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_nested_blocks_restore_the_outer_tenant(two: tuple[Populated, Populated]) -> None:
    outer, inner = two
    with tenant(outer.tenant):
        with tenant(inner.tenant):
            assert current_tenant() == inner.tenant
        assert current_tenant() == outer.tenant
        with pytest.raises(ZeroDivisionError), tenant(inner.tenant):
            raise ZeroDivisionError
        assert current_tenant() == outer.tenant
        with tenant(outer.tenant), tenant(inner.tenant):
            pass
        assert current_tenant() == outer.tenant
    assert current_tenant() is None
    assert _visible_calls() == 0


def test_a_failed_block_leaves_no_tenant(two: tuple[Populated, Populated]) -> None:
    with pytest.raises(ZeroDivisionError), tenant(two[0].tenant):
        raise ZeroDivisionError
    assert current_tenant() is None
    assert _visible_calls() == 0


async def test_threads_do_not_share_a_tenant(two: tuple[Populated, Populated]) -> None:
    def seen() -> int:
        try:
            return _visible_calls()
        finally:
            connections["default"].close()

    def inside() -> tuple[int, int]:
        with tenant(two[0].tenant):
            return _visible_calls(), asyncio.run(asyncio.to_thread(seen))

    try:
        assert await asyncio.to_thread(inside) == (1, 0)
    finally:
        await asyncio.to_thread(connections.close_all)
