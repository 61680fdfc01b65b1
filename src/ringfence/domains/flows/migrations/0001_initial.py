from __future__ import annotations

from uuid import UUID

import django.contrib.postgres.fields
from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant

_BUMP = """
DECLARE
    owner uuid := (CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END)
        ->> 'tenant_id';
BEGIN
    INSERT INTO flows_revision AS known (tenant_id, revision) VALUES (owner, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET revision = known.revision + 1;
    RETURN NULL;
END
"""
_IMMUTABLE = """
BEGIN
    IF current_user <> 'ringfence_owner' THEN
        RAISE EXCEPTION 'a published version never changes'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
"""


def _id() -> tuple[str, models.UUIDField[UUID, UUID]]:
    return (
        "id",
        models.UUIDField(
            default=ringfence.platform_django.clock.new_id,
            editable=False,
            primary_key=True,
            serialize=False,
        ),
    )


def _bumps(table: str, events: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER bump_flows_revision AFTER {events} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ringfence_bump_flows_revision()",
        f"DROP TRIGGER bump_flows_revision ON {table}",
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("tenant_id", models.UUIDField(primary_key=True, serialize=False)),
                ("revision", models.BigIntegerField()),
            ],
            options={"db_table": "flows_revision"},
        ),
        migrations.CreateModel(
            name="Flow",
            fields=[
                _id(),
                ("tenant_id", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=120)),
                ("draft", models.JSONField()),
                ("published_version", models.IntegerField(null=True)),
                ("archived", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "flows_flow",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "id"), name="flows_flow_tenant")
                ],
            },
        ),
        migrations.CreateModel(
            name="FlowVersion",
            fields=[
                _id(),
                ("tenant_id", models.UUIDField(editable=False)),
                ("flow_id", models.UUIDField()),
                ("version", models.IntegerField()),
                ("graph", models.JSONField()),
                (
                    "uses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None
                    ),
                ),
                (
                    "uses_flows",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), size=None
                    ),
                ),
                ("note", models.CharField(default="", max_length=500)),
                ("published_at", models.DateTimeField()),
            ],
            options={
                "db_table": "flows_version",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "flow_id", "version"), name="flows_version_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="flows_version_number"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Prompt",
            fields=[
                _id(),
                ("tenant_id", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=120)),
                ("sha256", models.CharField(max_length=64)),
                ("bytes", models.IntegerField()),
                ("samples", models.IntegerField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "flows_prompt",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="flows_prompt_page")],
            },
        ),
        migrations.CreateModel(
            name="Target",
            fields=[
                _id(),
                ("tenant_id", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=120)),
                ("kind", models.CharField(max_length=8)),
                ("trunk_id", models.UUIDField(null=True)),
                ("number", models.CharField(max_length=16, null=True)),
                ("uri", models.CharField(max_length=255, null=True)),
                ("device_id", models.UUIDField(null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "flows_target",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="flows_target_page")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("device_id", None),
                                ("kind", "number"),
                                ("number__isnull", False),
                                ("trunk_id__isnull", False),
                                ("uri", None),
                            ),
                            models.Q(
                                ("device_id", None),
                                ("kind", "sip"),
                                ("number", None),
                                ("trunk_id", None),
                                ("uri__isnull", False),
                            ),
                            models.Q(
                                ("device_id__isnull", False),
                                ("kind", "device"),
                                ("number", None),
                                ("trunk_id", None),
                                ("uri", None),
                            ),
                            _connector="OR",
                        ),
                        name="flows_target_kind",
                    )
                ],
            },
        ),
        *(enable_rls(f"flows_{table}") for table in ("flow", "version", "prompt", "target")),
        enable_rls("flows_revision"),
        *(
            grant(f"flows_{table}", role, privileges)
            for table, privileges in (
                ("flow", "SELECT, INSERT, UPDATE, DELETE"),
                ("version", "SELECT, INSERT"),
                ("prompt", "SELECT, INSERT, UPDATE, DELETE"),
                ("target", "SELECT, INSERT, UPDATE, DELETE"),
                ("revision", "SELECT"),
            )
            for role in (Role.APP, Role.OPERATOR)
        ),
        migrations.RunSQL(
            "ALTER TABLE flows_version ADD CONSTRAINT flows_version_flow_tenant "
            "FOREIGN KEY (tenant_id, flow_id) REFERENCES flows_flow (tenant_id, id)",
            "ALTER TABLE flows_version DROP CONSTRAINT flows_version_flow_tenant",
        ),
        migrations.RunSQL(
            f"""
            CREATE FUNCTION ringfence_flows_immutable() RETURNS trigger LANGUAGE plpgsql
            AS $function${_IMMUTABLE}$function$;
            CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON flows_version
            FOR EACH STATEMENT EXECUTE FUNCTION ringfence_flows_immutable();
            """,
            """
            DROP TRIGGER immutable ON flows_version;
            DROP FUNCTION ringfence_flows_immutable();
            """,
        ),
        # As the owner: the counter is nobody's to write.
        definer_function("ringfence_bump_flows_revision()", "trigger", _BUMP, language="plpgsql"),
        _bumps("flows_flow", "INSERT OR DELETE OR UPDATE OF published_version, archived"),
        _bumps("flows_target", "INSERT OR UPDATE OR DELETE"),
        definer_function(
            "ringfence_flows_revision(tenant uuid)",
            "bigint",
            "SELECT coalesce((SELECT revision FROM flows_revision WHERE tenant_id = tenant), 0)",
            Role.CALLPLANE,
        ),
    ]
