import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant


class Migration(migrations.Migration):
    dependencies = [("identity", "0006_live")]

    operations = [
        migrations.CreateModel(
            name="AgeAttestation",
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
                ("age", models.PositiveSmallIntegerField()),
                ("wording_version", models.PositiveSmallIntegerField()),
                ("wording_hash", models.CharField(max_length=64)),
                ("attested_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "identity_age_attestation",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("tenant_id", None)), name="attestation_of_no_tenant"
                    ),
                ],
            },
        ),
        grant("identity_age_attestation", Role.IDENTITY, "SELECT, INSERT, DELETE"),
    ]
