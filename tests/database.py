"""Database fixtures: one server per run, one template migrated by the owner, a clone per worker.

Tests run as the application role; tables are emptied after each test that used them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.platform_django.settings"
_data_dir = Path(tempfile.mkdtemp(prefix="ringfence-django-"))
(_data_dir / "static").mkdir()
with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("RINGFENCE_NODE__DATA_DIR", str(_data_dir))
    django.setup()

from django.db import connections  # noqa: E402
from psycopg import sql  # noqa: E402
from tests.keys_fixture import Keys  # noqa: E402

from ringfence.platform.database import DatabaseUrls, Role, with_database, with_role  # noqa: E402
from ringfence.platform.postgres import EmbeddedPostgres  # noqa: E402
from ringfence.platform_django import roles  # noqa: E402
from ringfence.platform_django.keys import use_keys  # noqa: E402
from ringfence.platform_django.settings import database_config  # noqa: E402

TEMPLATE = "ringfence_template"
_ALIASES = {
    "default": Role.APP,
    "operator": Role.OPERATOR,
    "callplane": Role.CALLPLANE,
    "identity": Role.IDENTITY,
    "cache": Role.IDENTITY,
    "owner": Role.OWNER,
}


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_data_dir, ignore_errors=True)


def role_urls(superuser_url: str, database: str) -> DatabaseUrls:
    """Connection strings of a test database; any password does where nobody else may connect."""
    base = with_database(superuser_url, database)
    return DatabaseUrls(*(with_role(base, role, f"test-{role.value}") for role in Role))


def point_django_at(urls: DatabaseUrls) -> None:
    """Make Django's connections those of another database."""
    for alias, role in _ALIASES.items():
        connections[alias].close()
        connections.settings[alias].update(database_config(urls.of(role)))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _living(directory: Path) -> set[str]:
    alive = set()
    for file in directory.glob("user-*"):
        pid = file.name.removeprefix("user-")
        if Path("/proc", pid).exists():
            alive.add(pid)
    return alive


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Superuser URL of a server that all workers of this run share, with a migrated template."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    shared = Path(tempfile.gettempdir(), "rf-" + hashlib.sha256(str(base).encode()).hexdigest()[:8])
    shared.mkdir(mode=0o755, exist_ok=True)
    mine = shared / f"user-{os.getpid()}"
    server: EmbeddedPostgres | None = None
    with _locked(shared / "lock"):
        others = _living(shared)
        mine.touch()
        url_file = shared / "url"
        if not others:
            shutil.rmtree(shared / "data", ignore_errors=True)
            server = EmbeddedPostgres(shared / "data", shared / "run", 5432)
            server.start()
            try:
                _make_template(server.superuser_url)
            except BaseException:
                server.stop()
                shutil.rmtree(shared)
                raise
            url_file.write_text(server.superuser_url)
        url = url_file.read_text()
    try:
        yield url
    finally:
        mine.unlink()
        for alias in _ALIASES:
            connections[alias].close()
        if server is not None:
            deadline = time.monotonic() + 300
            while _living(shared) and time.monotonic() < deadline:
                time.sleep(0.1)  # it is the other workers' server too
            server.stop()
            shutil.rmtree(shared, ignore_errors=True)


def _make_template(superuser_url: str) -> None:
    urls = role_urls(superuser_url, TEMPLATE)
    roles.setup_database(superuser_url, urls)
    point_django_at(urls)
    roles.migrate(urls.owner)
    for alias in _ALIASES:
        connections[alias].close()


def clone_database(superuser_url: str, name: str) -> DatabaseUrls:
    """A fresh copy of the template."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(Role.OWNER)
            )
        )
    urls = role_urls(superuser_url, name)
    roles.setup_database(superuser_url, urls)  # a database's own grants are not copied
    return urls


@pytest.fixture(scope="session")
def database_urls(postgres: str) -> DatabaseUrls:
    """This worker's own database."""
    urls = clone_database(postgres, f"test_{os.getpid()}")
    point_django_at(urls)
    return urls


@pytest.fixture
def db(postgres: str, database_urls: DatabaseUrls, keys: Keys) -> Iterator[DatabaseUrls]:
    """An empty database, in which product code runs as the application role, beside an empty key
    store, towards which it is the process ``web``."""
    assert_bound_by_row_level_security()
    with use_keys(keys.blocking("web")):
        yield database_urls
    for alias in _ALIASES:
        connections[alias].close()
    empty(with_database(postgres, conninfo_to_dict(database_urls.owner)["dbname"]))


def assert_bound_by_row_level_security() -> None:
    """Row-level security tested as a role that bypasses it would prove nothing."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, pg_has_role('ringfence_owner', 'USAGE') "
            "FROM pg_roles WHERE rolname = current_user"
        )
        row = cursor.fetchone()
    assert row == ("ringfence_app", False, False, False)


_KEPT = ("django_migrations", "platform_config_version")


_LITTLE = 1 << 20


def empty(url: str) -> None:
    """Leave every table of this superuser's URL without rows, except what migrations wrote.

    Few rows are deleted, without triggers and foreign keys, in a thirtieth of the time that a
    TRUNCATE of all these tables and partitions takes; much is truncated.
    """
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND"
            " relnamespace = 'public'::regnamespace AND relname <> ALL(%s)",
            [list(_KEPT)],
        ).fetchall()
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("SET LOCAL synchronous_commit = off")
        if any(size > _LITTLE for _, size in tables):
            names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in tables)
            connection.execute(sql.SQL("TRUNCATE {}").format(names))
            return
        for name, size in tables:
            if size:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
