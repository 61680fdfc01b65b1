import django.contrib.postgres.fields
from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
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
                ("name", models.CharField(max_length=120)),
                ("secret_hash", models.BinaryField(unique=True)),
                ("last4", models.CharField(max_length=4)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None
                    ),
                ),
                (
                    "purposes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24), size=None
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "accounts_api_key",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="api_key_tenant")],
            },
        ),
        migrations.CreateModel(
            name="Tenant",
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
                ("name", models.CharField(max_length=120)),
                ("status", models.CharField(default="active", max_length=16)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "accounts_tenant",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "suspended"])),
                        name="tenant_status_known",
                    )
                ],
            },
        ),
        enable_rls("accounts_tenant", column="id"),
        enable_rls("accounts_api_key"),
        grant("accounts_tenant", Role.APP, "SELECT"),
        grant("accounts_api_key", Role.APP, "SELECT, INSERT, UPDATE"),
        grant("accounts_tenant", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("accounts_api_key", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        definer_function(
            "ringfence_authenticate_api_key(hash bytea, at timestamptz)",
            """TABLE (api_key_id uuid, tenant_id uuid, scopes text[], purposes text[],
                   expires_at timestamptz, last_used_at timestamptz, active boolean)""",
            """
            SELECT k.id, k.tenant_id, k.scopes::text[], k.purposes::text[], k.expires_at,
                   k.last_used_at, k.tenant_id IS NULL OR t.status = 'active'
            FROM accounts_api_key k LEFT JOIN accounts_tenant t ON t.id = k.tenant_id
            WHERE k.secret_hash = hash AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > at)
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_api_key_used(key uuid, at timestamptz)",
            "void",
            """
            BEGIN
                UPDATE accounts_api_key SET last_used_at = at WHERE id = key
                AND (last_used_at IS NULL OR last_used_at <= at - interval '1 minute');
            END
            """,
            Role.APP,
            language="plpgsql",
        ),
        definer_function(
            "ringfence_tenant_is_active(tenant uuid)",
            "boolean",
            "SELECT EXISTS (SELECT FROM accounts_tenant WHERE id = tenant AND status = 'active')",
            Role.CALLPLANE,
        ),
    ]
