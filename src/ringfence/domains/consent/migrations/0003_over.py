from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant

# What was said before the newest word of the same person and scope goes; its place in the chain
# stays as a link, and of the links before all evidence the last one.
_END = """
DECLARE
    first uuid := ringfence_uuid7_floor(before::timestamp);
    removed bigint;
BEGIN
    PERFORM 1 FROM accounts_tenant t WHERE t.id = living AND t.ended_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant has ended' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT 1 FROM privacy_hold h WHERE h.tenant_id = living AND h.released_at IS NULL)
    THEN
        RAISE EXCEPTION 'a legal hold lasts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM privacy_erasure o WHERE o.tenant_id = living AND o.kind = 'records'
            AND o.rule = 'consents_over' AND o.day >= before - date '1970-01-01' - 1
    ) THEN
        RAISE EXCEPTION 'nobody ordered it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    WITH over AS (
        DELETE FROM consent_evidence e WHERE e.tenant_id = living AND EXISTS (
            SELECT 1 FROM consent_evidence later WHERE later.tenant_id = living
                AND later.person_id = e.person_id AND later.scope = e.scope
                AND later.seq > e.seq AND later.id < first)
        RETURNING e.seq, e.previous, e.digest
    )
    INSERT INTO consent_link (tenant_id, seq, previous, digest)
    SELECT living, seq, previous, digest FROM over;
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM consent_link l WHERE l.tenant_id = living AND l.seq + 1 < (
        SELECT min(e.seq) FROM consent_evidence e WHERE e.tenant_id = living);
    RETURN removed;
END
"""
# Links outlive their tenant beside the evidence, and go with it.
_KEPT = """
DO $$
DECLARE
    said text := pg_get_functiondef('ringfence_end_tenant(uuid, timestamptz)'::regprocedure);
    kept text := replace(said, '''consent_evidence'',', '''consent_evidence'', ''consent_link'',');
    ends text := pg_get_functiondef('ringfence_end_consents(uuid, uuid)'::regprocedure);
    goes text := replace(ends, 'DELETE FROM consent_wording',
        'DELETE FROM consent_link WHERE tenant_id = ended; DELETE FROM consent_wording');
BEGIN
    IF kept = said OR goes = ends THEN
        RAISE EXCEPTION 'a function is not as it was';
    END IF;
    EXECUTE kept;
    EXECUTE goes;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0002_ended"),
        ("accounts", "0006_retention"),
        ("privacy", "0007_records"),
    ]

    operations = [
        migrations.CreateModel(
            name="Link",
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
                ("tenant_id", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("previous", models.CharField(blank=True, max_length=64)),
                ("digest", models.CharField(max_length=64)),
            ],
            options={"db_table": "consent_link"},
        ),
        enable_rls("consent_link"),
        grant("consent_link", Role.APP, "SELECT"),
        grant("consent_link", Role.OPERATOR, "SELECT"),
        definer_function(
            "ringfence_end_said(living uuid, before date)",
            "bigint",
            _END,
            Role.OPERATOR,
            language="plpgsql",
        ),
        migrations.RunSQL(_KEPT, migrations.RunSQL.noop),
    ]
