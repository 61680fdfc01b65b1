"""Migration operations: partitioned tables, row-level security, grants, functions, triggers."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel, RunSQL
from django.db.migrations.state import ProjectState

from ringfence.platform.database import Role

CURRENT_TENANT = "nullif(current_setting('ringfence.tenant', true), '')::uuid"


class CreatePartitioned(CreateModel):
    """CreateModel of a table that is range-partitioned by month on a UUIDv7 column.

    It starts with a default partition, so that no row is ever refused; monthly ones come from
    ``ringfence_ensure_partitions``.
    """

    def __init__(self, *args: Any, partition_by: str, **kwargs: Any) -> None:
        self.partition_by = partition_by
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        name, args, kwargs = super().deconstruct()
        return name, list(args), {**kwargs, "partition_by": self.partition_by}

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = f'{plain} PARTITION BY RANGE ("{self.partition_by}")'
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain
        schema_editor.execute(
            f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT;'
            f'ALTER TABLE "{table}_default" ENABLE ROW LEVEL SECURITY;'
            f'ALTER TABLE "{table}_default" FORCE ROW LEVEL SECURITY'
        )


def enable_rls(table: str, *, column: str = "tenant_id") -> RunSQL:
    """Force row-level security: the application role sees and writes its tenant's rows only."""
    own = f"{column} = {CURRENT_TENANT}"
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant_rows ON {table} TO {Role.APP} USING ({own}) WITH CHECK ({own});
        """,
        f"""
        DROP POLICY tenant_rows ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def allow_insert(table: str, role: Role) -> RunSQL:
    """Let a role insert rows of any tenant, without reading any."""
    return RunSQL(
        f"""
        CREATE POLICY {role}_insert ON {table} FOR INSERT TO {role} WITH CHECK (true);
        GRANT INSERT ON {table} TO {role};
        """,
        f"REVOKE INSERT ON {table} FROM {role}; DROP POLICY {role}_insert ON {table};",
    )


def grant(table: str, role: Role, privileges: str) -> RunSQL:
    """``GRANT privileges ON table TO role``."""
    return RunSQL(
        f"GRANT {privileges} ON {table} TO {role}", f"REVOKE {privileges} ON {table} FROM {role}"
    )


def definer_function(
    signature: str, returns: str, body: str, *roles: Role, language: str = "sql"
) -> RunSQL:
    """A SECURITY DEFINER function of the owner that only ``roles`` may call."""
    volatility = "STABLE" if language == "sql" else "VOLATILE"
    grants = "".join(f"GRANT EXECUTE ON FUNCTION {signature} TO {role};" for role in roles)
    return RunSQL(
        f"""
        CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE {language} {volatility}
        SECURITY DEFINER SET search_path = public, pg_temp AS $function${body}$function$;
        REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
        {grants}
        """,
        f"DROP FUNCTION {signature}",
    )


def bumps_config_version(table: str) -> RunSQL:
    """Every statement that changes ``table`` raises the configuration version."""
    return RunSQL(
        f"""
        CREATE TRIGGER bump_config_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
        ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ringfence_bump_config_version();
        """,
        f"DROP TRIGGER bump_config_version ON {table}",
    )
