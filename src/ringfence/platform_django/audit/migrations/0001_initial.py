import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import (
    CURRENT_TENANT,
    CreatePartitioned,
    definer_function,
    enable_rls,
    grant,
)

# Under row-level security the planner would not use the index on objects.
USES_OF = f"""
    WITH hits AS MATERIALIZED (
        SELECT * FROM audit_use
        WHERE tenant_id = {CURRENT_TENANT} AND object_ids && wanted AND id >= since AND id < before
    )
    SELECT * FROM hits ORDER BY id DESC LIMIT most
"""  # noqa: S608
DROP_MONTHS = """
DECLARE
    part text;
    dropped integer := 0;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.audit_use'::regclass AND c.relname ~ '^audit_use_p[0-9]{6}$'
          AND c.relname < 'audit_use_p' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM')
        ORDER BY 1
    LOOP
        EXECUTE format('DROP TABLE %I', part);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM audit_use_default
    WHERE id < ringfence_uuid7_floor(date_trunc('month', month AT TIME ZONE 'UTC'));
    RETURN dropped;
END
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SpoolPosition",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("node", models.TextField()),
                ("position", models.BigIntegerField()),
            ],
            options={
                "db_table": "audit_spool",
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id",
                        "seq",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("seq", models.BigIntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("count", models.IntegerField()),
                ("digest", models.BinaryField()),
                ("previous_head", models.BinaryField()),
                ("head", models.BinaryField()),
            ],
            options={
                "db_table": "audit_batch",
            },
        ),
        CreatePartitioned(
            partition_by="id",
            name="Use",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(editable=False)),
                ("at", models.DateTimeField()),
                ("credential", models.TextField()),
                ("actor", models.TextField()),
                ("action", models.TextField()),
                ("purpose", models.TextField()),
                (
                    "object_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("outcome", models.TextField()),
                ("batch_seq", models.BigIntegerField()),
                ("batch_index", models.IntegerField()),
                ("record", models.BinaryField()),
            ],
            options={
                "db_table": "audit_use",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="audit_use_tenant"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["object_ids"], name="audit_use_objects", fastupdate=False
                    ),
                ],
            },
        ),
        enable_rls("audit_use"),
        enable_rls("audit_batch"),
        grant("audit_use", Role.APP, "SELECT"),
        grant("audit_batch", Role.APP, "SELECT"),
        grant("audit_use", Role.OPERATOR, "SELECT, INSERT"),
        grant("audit_batch", Role.OPERATOR, "SELECT, INSERT"),
        grant("audit_spool", Role.OPERATOR, "SELECT, INSERT, UPDATE, DELETE"),
        definer_function(
            "ringfence_audit_uses(wanted text[], since uuid, before uuid, most integer)",
            "SETOF audit_use",
            USES_OF,
            Role.APP,
        ),
        definer_function(
            "ringfence_drop_audit_before(month timestamptz)",
            "integer",
            DROP_MONTHS,
            Role.OPERATOR,
            language="plpgsql",
        ),
    ]
