import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant
from ringfence.platform_django.sealed import sealed_check


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0003_sso"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="company_sealed",
            field=ringfence.platform_django.sealed.SealedText(
                account="id", number=17, role="person", rule="console_users"
            ),
        ),
        sealed_check("identity_user", "company_sealed"),
        grant("identity_user", Role.OPERATOR, "SELECT (company_sealed), UPDATE (company_sealed)"),
        migrations.CreateModel(
            name="KnownDevice",
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
                ("token_hash", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "identity_device",
                "constraints": [
                    models.UniqueConstraint(fields=("token_hash", "user"), name="device_once"),
                    models.CheckConstraint(
                        condition=models.Q(("tenant_id", None)), name="device_of_no_tenant"
                    ),
                ],
            },
        ),
        grant("identity_device", Role.IDENTITY, "SELECT, INSERT, UPDATE, DELETE"),
        # Counters of limits, in the form of Django's database cache. A crash may forget them.
        migrations.RunSQL(
            """
            CREATE UNLOGGED TABLE identity_cache (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX identity_cache_expires ON identity_cache (expires);
            """,
            "DROP TABLE identity_cache",
        ),
        grant("identity_cache", Role.IDENTITY, "SELECT, INSERT, UPDATE, DELETE"),
    ]
