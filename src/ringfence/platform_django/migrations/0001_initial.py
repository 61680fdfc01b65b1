from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django import sealed
from ringfence.platform_django.operations import definer_function, enable_rls, grant

ENSURE_PARTITIONS = """
DECLARE
    parent record;
    month timestamp;
    low uuid;
    high uuid;
    part text;
    created integer := 0;
BEGIN
    -- One at a time: two callers would create the same partition.
    PERFORM pg_advisory_xact_lock(hashtext('ringfence_ensure_partitions'));
    FOR parent IN
        SELECT c.relname AS name, a.attname AS key
        FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
        WHERE c.relnamespace = 'public'::regnamespace AND p.partstrat = 'r'
        ORDER BY c.relname
    LOOP
        FOR ahead IN 0 .. months_ahead LOOP
            month := date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => ahead);
            part := parent.name || to_char(month, '"_p"YYYYMM');
            CONTINUE WHEN to_regclass('public.' || quote_ident(part)) IS NOT NULL;
            low := ringfence_uuid7_floor(month);
            high := ringfence_uuid7_floor(month + interval '1 month');
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent.name);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) '
                'INSERT INTO %I SELECT * FROM moved',
                parent.name || '_default', parent.key, low, parent.key, high, part);
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent.name, part, low, high);
            created := created + 1;
        END LOOP;
    END LOOP;
    RETURN created;
END
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ConfigVersion",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
            ],
            options={"db_table": "platform_config_version"},
        ),
        migrations.RunSQL(
            """
            INSERT INTO platform_config_version (id, version) VALUES (1, 1);
            CREATE FUNCTION ringfence_bump_config_version() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = public, pg_temp AS $$
            BEGIN
                UPDATE platform_config_version SET version = version + 1 WHERE id = 1;
                PERFORM pg_notify('ringfence_config', '');
                RETURN NULL;
            END $$;
            REVOKE ALL ON FUNCTION ringfence_bump_config_version() FROM PUBLIC;
            """,
            "DROP FUNCTION ringfence_bump_config_version()",
        ),
        definer_function(
            "ringfence_config_version()",
            "bigint",
            "SELECT version FROM platform_config_version WHERE id = 1",
            Role.CALLPLANE,
        ),
        migrations.RunSQL(
            """
            CREATE FUNCTION ringfence_uuid7_floor(at timestamp) RETURNS uuid
            LANGUAGE sql IMMUTABLE AS $$
                SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                        || '70008000000000000000')::uuid
            $$;
            REVOKE ALL ON FUNCTION ringfence_uuid7_floor(timestamp) FROM PUBLIC;
            """,
            "DROP FUNCTION ringfence_uuid7_floor(timestamp)",
        ),
        definer_function(
            "ringfence_ensure_partitions(at timestamptz, months_ahead integer)",
            "integer",
            ENSURE_PARTITIONS,
            Role.APP,
            language="plpgsql",
        ),
        migrations.CreateModel(
            name="IdempotentRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ringfence.platform_django.clock.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False, null=True)),
                ("api_key_id", models.UUIDField()),
                ("name", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                (
                    "response_sealed",
                    sealed.SealedJSON(number=13, role="", person="", null=False),
                ),
            ],
            options={
                "db_table": "platform_idempotent_request",
                "indexes": [models.Index(fields=["created_at"], name="idempotent_request_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("api_key_id", "name"), name="idempotent_request_once"
                    )
                ],
            },
        ),
        sealed.sealed_check("platform_idempotent_request", "response_sealed"),
        enable_rls("platform_idempotent_request"),
        grant("platform_idempotent_request", Role.APP, "SELECT, INSERT, DELETE"),
        grant("platform_idempotent_request", Role.OPERATOR, "SELECT, INSERT, DELETE"),
    ]
