"""Roles, database and schema: created by a superuser, migrated by the owner. All idempotent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.database import DatabaseUrls, Role, url_parts, with_database
from ringfence.platform_django.partitions import ensure_partitions
from ringfence.platform_django.tenancy import OWNER

_LOCK = 0x52494E47
_PRIVILEGES = {
    Role.OWNER: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS",
    Role.APP: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
    Role.OPERATOR: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS",
    Role.CALLPLANE: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
    Role.IDENTITY: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
}


class DatabaseRoleError(RingfenceError):
    """A configured URL does not name the role that it is for."""

    code = "wrong_database_role"


def check_roles(urls: DatabaseUrls) -> None:
    """Raises DatabaseRoleError unless each URL names its own role."""
    for role in Role:
        if url_parts(urls.of(role)).get("user") != role.value:
            raise DatabaseRoleError(f"the URL for {role.value} must name the user {role.value}")


def setup_database(superuser_url: str, urls: DatabaseUrls) -> None:
    """Create the roles with the passwords in ``urls``, and the database that the owner owns."""
    check_roles(urls)
    name = url_parts(urls.owner)["dbname"]
    with _locked(superuser_url) as connection:
        for role in Role:
            _create_role(connection, role, url_parts(urls.of(role)).get("password", ""))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(Role.OWNER)
                )
            )
        with psycopg.connect(with_database(superuser_url, name), autocommit=True) as inside:
            for statement in _database_statements(name):
                inside.execute(statement)


def _create_role(
    connection: psycopg.Connection[tuple[object, ...]], role: Role, password: str
) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role.value])
    verb = "CREATE" if found.fetchone() is None else "ALTER"
    connection.execute(
        sql.SQL("{} ROLE {} {} PASSWORD {}").format(
            sql.SQL(verb),
            sql.Identifier(role),
            sql.SQL(_PRIVILEGES[role]),
            sql.Literal(password),
        )
    )


def _database_statements(name: str) -> Iterator[sql.Composed]:
    database, owner = sql.Identifier(name), sql.Identifier(Role.OWNER)
    others = sql.SQL(", ").join(sql.Identifier(role) for role in Role if role is not Role.OWNER)
    yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database)
    yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, others)
    yield sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(
        database, sql.Identifier(Role.CALLPLANE)
    )
    yield sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner)
    yield sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC").format()
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(others)


@contextmanager
def _locked(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An autocommit connection that holds the lock of schema changes until the block ends."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield connection


def migrate(owner_url: str) -> None:
    """Bring the schema of the database that Django's ``owner`` alias names up to date.

    Concurrent callers wait for each other. Current partitions are made as well.
    """
    with _locked(owner_url) as connection:
        with connections[OWNER].cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        call_command("migrate", database=OWNER, interactive=False, verbosity=0)
        connection.execute(_JOB_GRANTS)
        connection.execute(_IDENTITY_GRANTS)
        ensure_partitions(using=OWNER)
    connections[OWNER].close()


_JOB_GRANTS = sql.SQL(
    """
    DO $$
    DECLARE
        item record;
    BEGIN
        FOR item IN SELECT tablename FROM pg_tables
                    WHERE schemaname = 'public' AND tablename LIKE 'procrastinate\\_%' LOOP
            EXECUTE format(
                'GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ringfence_app', item.tablename);
        END LOOP;
        FOR item IN SELECT sequencename FROM pg_sequences
                    WHERE schemaname = 'public' AND sequencename LIKE 'procrastinate\\_%' LOOP
            EXECUTE format('GRANT USAGE ON SEQUENCE %I TO ringfence_app', item.sequencename);
        END LOOP;
    END $$
    """
)

_IDENTITY_GRANTS = sql.SQL(
    """
    DO $$
    DECLARE
        item record;
    BEGIN
        FOR item IN SELECT c.relname, c.relkind FROM pg_class c
                    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S')
                    AND c.relname ~ '^(account|mfa|socialaccount|usersessions|django_session)(_|$)'
        LOOP
            EXECUTE format('GRANT %s ON %I TO ringfence_identity',
                CASE item.relkind WHEN 'S' THEN 'USAGE' ELSE 'SELECT, INSERT, UPDATE, DELETE' END,
                item.relname);
        END LOOP;
        GRANT SELECT ON django_content_type TO ringfence_identity;
    END $$
    """
)
"""Tables of the libraries for sign-in, which their own migrations make."""
