"""Checks of the database: reachable, recent, its roles harmless, its rows guarded."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from ringfence.entry.doctor.finding import Finding
from ringfence.platform.database import Role, database_urls, is_embedded
from ringfence.platform.logging import describe_error
from ringfence.platform.settings import Settings

_LEAST_VERSION = 160000
_BYPASSING = {Role.OWNER, Role.OPERATOR}
"""The roles that row-level security does not bind; see platform.database.Role."""
_SERVING = [Role.APP.value, Role.CALLPLANE.value]
_CONNECT_SECONDS = 3

_UNGUARDED = """
    SELECT table_.relname FROM pg_class table_
    JOIN pg_namespace space ON space.oid = table_.relnamespace
    JOIN pg_attribute tenant ON tenant.attrelid = table_.oid AND tenant.attname = 'tenant_id'
    WHERE space.nspname = 'public' AND table_.relkind IN ('r', 'p') AND NOT tenant.attisdropped
    AND EXISTS (
        SELECT 1 FROM unnest(%s::text[]) serving
        WHERE has_table_privilege(serving, table_.oid, 'DELETE')
        OR has_any_column_privilege(serving, table_.oid, 'SELECT, INSERT, UPDATE')
    )
    AND {condition} ORDER BY table_.relname
"""
"""Tables of tenants that a role which serves tenants may touch, as far as ``condition``."""


def check(settings: Settings, *, running: bool) -> Iterator[Finding]:
    """All database findings. An embedded server that is not started is not looked into."""
    if is_embedded(settings) and not running:
        yield Finding("database", True, "embedded, not running", "checked while it runs")
        return
    urls = database_urls(settings)
    for role in Role:
        yield _check_role(role, urls.of(role))
    try:
        with psycopg.connect(urls.owner, connect_timeout=_CONNECT_SECONDS) as connection:
            yield _check_version(connection)
            yield _check_logging(connection)
            yield _check_row_security(connection)
    except psycopg.Error as error:
        yield Finding("database", False, describe_error(error), "see the findings on its roles")


def _check_role(role: Role, url: str) -> Finding:
    name = f"database role {role.value}"
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
            row = connection.execute(
                "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb"
                " FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        advice = "start the server, or correct the URL, the password or pg_hba.conf"
        return Finding(name, False, f"cannot connect: {describe_error(error)}", advice)
    assert row is not None
    user, superuser, bypasses, creates_roles, creates_databases = row
    if user != role.value:
        return Finding(name, False, f"connected as {user}", f"its URL must name {role.value}")
    excess = [
        attribute
        for attribute, present in (
            ("SUPERUSER", superuser),
            ("CREATEROLE", creates_roles),
            ("CREATEDB", creates_databases),
            ("BYPASSRLS", bypasses and role not in _BYPASSING),
        )
        if present
    ]
    if excess:
        advice = f"ALTER ROLE {role.value} {' '.join('NO' + item for item in excess)}"
        return Finding(name, False, f"has {', '.join(excess)}", advice)
    if role in _BYPASSING and not bypasses:
        return Finding(name, False, "lacks BYPASSRLS", f"ALTER ROLE {role.value} BYPASSRLS")
    return Finding(name, True, "connects, attributes as they must be")


def _check_version(connection: psycopg.Connection[tuple[object, ...]]) -> Finding:
    version = connection.info.server_version
    observed = f"PostgreSQL {version // 10000}.{version % 10000}"
    enough = version >= _LEAST_VERSION
    return Finding("database version", enough, observed, "" if enough else "16 or newer is needed")


def _check_logging(connection: psycopg.Connection[tuple[object, ...]]) -> Finding:
    """What a failing statement leaves in the server's log must not hold values."""
    name = "database log"
    row = connection.execute(
        "SELECT current_setting('log_error_verbosity'), current_setting('log_min_error_statement')"
    ).fetchone()
    if row == ("terse", "panic"):
        return Finding(name, True, "holds no values of rows and no statements")
    advice = "set log_error_verbosity = terse and log_min_error_statement = panic"
    return Finding(name, False, "errors are logged with values or statements", advice)


def _check_row_security(connection: psycopg.Connection[tuple[object, ...]]) -> Finding:
    name = "row-level security"
    tables = connection.execute(_UNGUARDED.format(condition="true"), [_SERVING]).fetchall()
    open_ = connection.execute(
        _UNGUARDED.format(
            condition="NOT (table_.relrowsecurity AND table_.relforcerowsecurity AND"
            " (table_.relispartition OR EXISTS"
            " (SELECT 1 FROM pg_policy policy WHERE policy.polrelid = table_.oid)))"
        ),
        [_SERVING],
    ).fetchall()
    if not tables:
        return Finding(name, False, "no tenant tables found", "run: ringfence prepare")
    if open_:
        names = ", ".join(str(row[0]) for row in open_)
        return Finding(name, False, f"not forced on {names}", "run: ringfence prepare")
    return Finding(name, True, f"forced on all {len(tables)} tenant tables and partitions")
