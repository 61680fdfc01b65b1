"""Where the database is, and as whom each part of the product connects to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ringfence.platform.postgres import EmbeddedPostgres
from ringfence.platform.secrets import find_secret, installation_secret
from ringfence.platform.settings import Settings

DATABASE_NAME = "ringfence"


class Role(StrEnum):
    """The PostgreSQL roles of an installation."""

    OWNER = "ringfence_owner"
    """Owns the schema; migrations only. Bypasses row-level security."""
    APP = "ringfence_app"
    """Serves tenants; row-level security binds it."""
    OPERATOR = "ringfence_operator"
    """Work across tenants, by explicit grants. Bypasses row-level security."""
    CALLPLANE = "ringfence_callplane"
    """Inserts journal rows of any tenant, reads routing snapshots through functions."""
    IDENTITY = "ringfence_identity"
    """Sign-in: people's accounts, sessions and second factors, and no row of a tenant."""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One libpq connection string (URL or keywords) per role."""

    owner: str
    app: str
    operator: str
    callplane: str
    identity: str

    def of(self, role: Role) -> str:
        """The connection string of one role."""
        return {
            Role.OWNER: self.owner,
            Role.APP: self.app,
            Role.OPERATOR: self.operator,
            Role.CALLPLANE: self.callplane,
            Role.IDENTITY: self.identity,
        }[role]


def is_embedded(settings: Settings) -> bool:
    """Whether this installation runs its own PostgreSQL."""
    return settings.database.owner_url is None


def embedded_server(settings: Settings) -> EmbeddedPostgres:
    """The server that this installation runs itself; not started."""
    return EmbeddedPostgres(
        settings.data_dir,
        settings.run_dir,
        settings.database.embedded_port,
        settings.wal_archive,
    )


def _password_name(role: Role) -> str:
    return f"database-{role.value.removeprefix('ringfence_')}"


def create_role_passwords(settings: Settings) -> None:
    """Generate the passwords of the embedded database's roles, once."""
    for role in Role:
        installation_secret(settings.data_dir, _password_name(role))


def database_urls(settings: Settings) -> DatabaseUrls:
    """The connection strings in use. Creates nothing.

    Before ``create_role_passwords`` has run, those of an embedded database have no password and the
    server refuses them.
    """
    given = settings.database
    if (
        given.owner_url
        and given.app_url
        and given.operator_url
        and given.callplane_url
        and given.identity_url
    ):
        return DatabaseUrls(
            given.owner_url,
            given.app_url,
            given.operator_url,
            given.callplane_url,
            given.identity_url,
        )
    return DatabaseUrls(*(_embedded_url(settings, role) for role in Role))


def _embedded_url(settings: Settings, role: Role) -> str:
    return make_conninfo(
        host=str(settings.run_dir / "postgres"),  # see platform.postgres
        port=settings.database.embedded_port,
        dbname=DATABASE_NAME,
        user=role.value,
        password=find_secret(settings.data_dir, _password_name(role)),
    )


def with_database(url: str, name: str) -> str:
    """The same server and role, another database."""
    return make_conninfo(url, dbname=name)


def with_role(url: str, role: Role, password: str) -> str:
    """The same server and database, another role."""
    return make_conninfo(url, user=role.value, password=password)


def url_parts(url: str) -> dict[str, str]:
    """libpq keywords of a connection string. Raises psycopg.ProgrammingError if malformed."""
    return {key: str(value) for key, value in conninfo_to_dict(url).items()}
