import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant
from ringfence.platform_django.sealed import sealed_check


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0002_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="SsoConnection",
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
                ("slug", models.CharField(max_length=40, unique=True)),
                ("issuer", models.CharField(max_length=500)),
                ("client_id", models.CharField(max_length=191)),
                (
                    "secret_sealed",
                    ringfence.platform_django.sealed.SealedText(
                        null=False, number=30, person="", role=""
                    ),
                ),
                ("default_role", models.CharField(default="", max_length=40)),
                (
                    "ceiling",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None
                    ),
                ),
                ("trusts_mfa", models.BooleanField(default=False)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                (
                    "custom_role",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="identity.role"
                    ),
                ),
            ],
            options={
                "db_table": "identity_sso_connection",
            },
        ),
        migrations.CreateModel(
            name="SsoDomain",
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
                ("domain", models.CharField(max_length=253)),
                ("token", models.CharField(max_length=43)),
                ("verified_at", models.DateTimeField(null=True)),
                ("verified_by", models.CharField(default="", max_length=80)),
                ("created_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="identity.ssoconnection"
                    ),
                ),
            ],
            options={
                "db_table": "identity_sso_domain",
            },
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.UniqueConstraint(fields=("tenant_id",), name="sso_of_tenant_once"),
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("default_role", "owner"), _negated=True), name="sso_no_owner"
            ),
        ),
        migrations.AddConstraint(
            model_name="ssoconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("custom_role__isnull", False), ("default_role", "custom")),
                    models.Q(
                        models.Q(("default_role", "custom"), _negated=True),
                        ("custom_role__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="sso_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssodomain",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "domain"), name="sso_domain_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="ssodomain",
            constraint=models.UniqueConstraint(
                condition=models.Q(("verified_at__isnull", False)),
                fields=("domain",),
                name="sso_domain_of_one",
            ),
        ),
        enable_rls("identity_sso_connection"),
        enable_rls("identity_sso_domain"),
        sealed_check("identity_sso_connection", "secret_sealed"),
        grant("identity_sso_connection", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("identity_sso_connection", Role.OPERATOR, "SELECT"),
        grant("identity_sso_domain", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("identity_sso_domain", Role.OPERATOR, "SELECT, UPDATE"),
        definer_function(
            "ringfence_sso_connection(wanted text)",
            "TABLE (id uuid, tenant_id uuid, tenant_name text)",
            """
            SELECT c.id, c.tenant_id, t.name::text
            FROM identity_sso_connection c JOIN accounts_tenant t ON t.id = c.tenant_id
            WHERE c.slug = wanted AND c.enabled AND t.status = 'active'
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_sso_domain(wanted text)",
            "TABLE (slug text)",
            """
            SELECT c.slug::text
            FROM identity_sso_domain d JOIN identity_sso_connection c ON c.id = d.connection_id
            JOIN accounts_tenant t ON t.id = c.tenant_id
            WHERE d.domain = wanted AND d.verified_at IS NOT NULL
            AND c.enabled AND t.status = 'active'
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_sso_session(connection uuid)",
            "TABLE (tenant_id uuid, trusts_mfa boolean)",
            """
            SELECT c.tenant_id, c.trusts_mfa
            FROM identity_sso_connection c JOIN accounts_tenant t ON t.id = c.tenant_id
            WHERE c.id = connection AND c.enabled AND t.status = 'active'
            """,
            Role.APP,
        ),
    ]
