import django.contrib.postgres.fields
from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import (
    CreatePartitioned,
    definer_function,
    enable_rls,
    grant,
)

# One statement, so that one commit has both what begins and what ended meanwhile. An outcome is
# said once.
_RECORD = """
BEGIN
    INSERT INTO processors_sent
        (id, tenant_id, receiver, template, purpose, host, fields, size, digest, refusal)
    SELECT r.id, r.tenant, r.receiver, r.template, r.purpose, r.host,
           string_to_array(r.fields, ' '), r.size, r.digest, r.refusal
    FROM unnest(ids, tenants, receivers, templates, purposes, hosts, names, sizes, digests,
        refusals) AS r (id, tenant, receiver, template, purpose, host, fields, size, digest,
        refusal);
    UPDATE processors_sent s SET outcome = o.outcome, status = o.status, ended_at = at
    FROM unnest(ended, outcomes, statuses) AS o (id, outcome, status)
    WHERE s.id = o.id AND s.outcome IS NULL;
END
"""
_DROP_MONTHS = """
DECLARE
    part text;
    dropped integer := 0;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.processors_sent'::regclass
          AND c.relname ~ '^processors_sent_p[0-9]{6}$'
          AND c.relname < 'processors_sent_p' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM')
        ORDER BY 1
    LOOP
        EXECUTE format('DROP TABLE %I', part);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM processors_sent_default
    WHERE id < ringfence_uuid7_floor(date_trunc('month', month AT TIME ZONE 'UTC'));
    RETURN dropped;
END
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial")]

    operations = [
        CreatePartitioned(
            partition_by="id",
            name="Sent",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(editable=False, null=True)),
                ("receiver", models.CharField(max_length=40)),
                ("template", models.CharField(max_length=40)),
                ("purpose", models.CharField(max_length=20)),
                ("host", models.CharField(max_length=253)),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("digest", models.BinaryField()),
                ("refusal", models.CharField(max_length=40, null=True)),
                ("outcome", models.CharField(max_length=20, null=True)),
                ("status", models.SmallIntegerField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "processors_sent",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="sent_tenant")],
            },
        ),
        enable_rls("processors_sent"),
        grant("processors_sent", Role.APP, "SELECT"),
        grant("processors_sent", Role.OPERATOR, "SELECT"),
        definer_function(
            "ringfence_record_egress(ids uuid[], tenants uuid[], receivers text[], "
            "templates text[], purposes text[], hosts text[], names text[], sizes bigint[], "
            "digests bytea[], refusals text[], at timestamptz, ended uuid[], outcomes text[], "
            "statuses smallint[])",
            "void",
            _RECORD,
            Role.CALLPLANE,
            language="plpgsql",
        ),
        definer_function(
            "ringfence_drop_sent_before(month timestamptz)",
            "integer",
            _DROP_MONTHS,
            Role.OPERATOR,
            language="plpgsql",
        ),
    ]
