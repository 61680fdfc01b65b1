from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import enable_rls, grant
from ringfence.platform_django.sealed import sealed_check

# Evidence outlives its business customer: what is personal in it goes with the keys, and is
# cleared.
_KEPT = """
DO $$
DECLARE
    said text := pg_get_functiondef('ringfence_end_tenant(uuid, timestamptz)'::regprocedure);
    kept text := replace(said, '''policy_acceptance'',',
        '''policy_acceptance'', ''consent_evidence'', ''consent_wording'',');
    cleared text := replace(kept, 'UPDATE compliance_case SET code_hash = NULL',
        'UPDATE consent_evidence SET contact_sealed = NULL, source_sealed = NULL '
        || 'WHERE tenant_id = ended; UPDATE compliance_case SET code_hash = NULL');
BEGIN
    IF kept = said OR cleared = kept THEN
        RAISE EXCEPTION 'ringfence_end_tenant is not as it was';
    END IF;
    EXECUTE cleared;
END $$
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0004_end")]

    operations = [
        migrations.CreateModel(
            name="Evidence",
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
                ("tenant_id", models.UUIDField(editable=False)),
                ("seq", models.BigIntegerField()),
                ("person_id", models.UUIDField()),
                ("scope", models.CharField(max_length=32)),
                ("state", models.CharField(max_length=16)),
                ("method", models.CharField(max_length=24)),
                ("wording_id", models.UUIDField(null=True)),
                ("wording_hash", models.CharField(max_length=64, null=True)),
                ("recorded_at", models.DateTimeField()),
                ("actor", models.CharField(max_length=80)),
                (
                    "contact_sealed",
                    ringfence.platform_django.sealed.SealedText(
                        number=41, person="person_id", role="subject", rule="consents"
                    ),
                ),
                (
                    "source_sealed",
                    ringfence.platform_django.sealed.SealedText(
                        number=42, person="person_id", role="subject", rule="consents"
                    ),
                ),
                ("contact_hash", models.CharField(max_length=64, null=True)),
                ("source_hash", models.CharField(max_length=64, null=True)),
                ("previous", models.CharField(blank=True, max_length=64)),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "consent_evidence",
                "indexes": [
                    models.Index(fields=["tenant_id", "person_id", "seq"], name="evidence_person"),
                    models.Index(fields=["tenant_id", "id"], name="evidence_tenant"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "seq"), name="evidence_seq"),
                    models.UniqueConstraint(
                        fields=("tenant_id", "previous"), name="evidence_no_fork"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Wording",
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
                ("tenant_id", models.UUIDField(editable=False)),
                ("scope", models.CharField(max_length=32)),
                ("language", models.CharField(max_length=35)),
                ("version", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("hash", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=80)),
            ],
            options={
                "db_table": "consent_wording",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "scope", "language", "version"), name="wording_once"
                    )
                ],
            },
        ),
        sealed_check("consent_evidence", "contact_sealed"),
        sealed_check("consent_evidence", "source_sealed"),
        enable_rls("consent_wording"),
        enable_rls("consent_evidence"),
        grant("consent_wording", Role.APP, "SELECT, INSERT"),
        grant("consent_wording", Role.OPERATOR, "SELECT"),
        grant("consent_evidence", Role.APP, "SELECT, INSERT"),
        # of evidence nothing ever changes but that a sealed value goes
        grant("consent_evidence", Role.OPERATOR, "SELECT, UPDATE (contact_sealed, source_sealed)"),
        migrations.RunSQL(_KEPT, migrations.RunSQL.noop),
    ]
