import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import enable_rls, grant
from ringfence.platform_django.sealed import sealed_check


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_tree"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
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
                ("email", models.EmailField(max_length=254, unique=True)),
                ("person_id", models.UUIDField(editable=False, null=True)),
                (
                    "name_sealed",
                    ringfence.platform_django.sealed.SealedText(
                        account="id", number=14, role="person", rule="console_users"
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "identity_user",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("tenant_id", None)), name="user_of_no_tenant"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccessGrant",
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
                ("staff_id", models.UUIDField(editable=False)),
                ("reason", models.CharField(max_length=500)),
                ("minutes", models.PositiveIntegerField()),
                ("requested_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(default="", max_length=80)),
                ("starts_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("denied", models.BooleanField(default=False)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("revoked_by", models.CharField(default="", max_length=80)),
            ],
            options={
                "db_table": "identity_access_grant",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="access_grant_tenant"),
                    models.Index(fields=["staff_id", "tenant_id"], name="access_grant_staff"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Role",
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
                ("name", models.CharField(max_length=60)),
                (
                    "permissions",
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
                ("mfa_required", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "identity_role",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "name"), name="role_named_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
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
                ("user_id", models.UUIDField(editable=False)),
                ("role", models.CharField(max_length=40)),
                ("work_location", models.CharField(default="", max_length=2)),
                ("created_at", models.DateTimeField()),
                (
                    "custom_role",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="identity.role"
                    ),
                ),
            ],
            options={
                "db_table": "identity_membership",
                "indexes": [models.Index(fields=["user_id"], name="membership_user")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "user_id"), name="member_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("custom_role__isnull", False), ("role", "custom")),
                            models.Q(
                                models.Q(("role", "custom"), _negated=True),
                                ("custom_role__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="membership_role",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
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
                ("invitee_id", models.UUIDField(editable=False, null=True)),
                (
                    "email_sealed",
                    ringfence.platform_django.sealed.SealedText(
                        number=15, role="invitee", rule="invitations"
                    ),
                ),
                ("role", models.CharField(max_length=40)),
                ("work_location", models.CharField(default="", max_length=2)),
                ("token_hash", models.BinaryField(unique=True)),
                ("invited_by", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "custom_role",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="identity.role"
                    ),
                ),
            ],
            options={
                "db_table": "identity_invitation",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="invitation_tenant")],
            },
        ),
        enable_rls("identity_role"),
        enable_rls("identity_membership"),
        enable_rls("identity_invitation"),
        enable_rls("identity_access_grant"),
        sealed_check("identity_user", "name_sealed"),
        sealed_check("identity_invitation", "email_sealed"),
        grant("identity_user", Role.IDENTITY, "SELECT, INSERT, UPDATE, DELETE"),
        grant("identity_user", Role.OPERATOR, "SELECT (id, tenant_id, person_id, name_sealed)"),
        grant("identity_user", Role.OPERATOR, "UPDATE (name_sealed)"),
        grant("identity_role", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("identity_role", Role.OPERATOR, "SELECT"),
        grant("identity_membership", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("identity_membership", Role.OPERATOR, "SELECT, INSERT, UPDATE, DELETE"),
        grant("identity_invitation", Role.APP, "SELECT, INSERT, UPDATE"),
        grant("identity_invitation", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("identity_access_grant", Role.APP, "SELECT, INSERT, UPDATE"),
        grant("identity_access_grant", Role.OPERATOR, "SELECT, UPDATE"),
    ]
