import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import CURRENT_TENANT, enable_rls, grant

OWN = f"id = {CURRENT_TENANT}"
BELOW = f"{CURRENT_TENANT} = ANY(ancestors)"

TREE = migrations.RunSQL(
    f"""
    DROP POLICY tenant_rows ON accounts_tenant;
    CREATE POLICY tenant_rows ON accounts_tenant FOR SELECT TO {Role.APP}
        USING ({OWN} OR {BELOW});
    CREATE POLICY tenant_below ON accounts_tenant FOR INSERT TO {Role.APP} WITH CHECK ({BELOW});
    CREATE POLICY tenant_changes ON accounts_tenant FOR UPDATE TO {Role.APP}
        USING ({BELOW}) WITH CHECK ({BELOW});
    GRANT INSERT, UPDATE ON accounts_tenant TO {Role.APP};
    """,
    f"""
    REVOKE INSERT, UPDATE ON accounts_tenant FROM {Role.APP};
    DROP POLICY tenant_changes ON accounts_tenant;
    DROP POLICY tenant_below ON accounts_tenant;
    DROP POLICY tenant_rows ON accounts_tenant;
    CREATE POLICY tenant_rows ON accounts_tenant TO {Role.APP} USING ({OWN}) WITH CHECK ({OWN});
    """,
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField("tenant", "kind", models.CharField(default="tenant", max_length=16)),
        migrations.AddField("tenant", "parent_id", models.UUIDField(editable=False, null=True)),
        migrations.AddField(
            "tenant",
            "ancestors",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), default=list, editable=False, size=None
            ),
        ),
        migrations.AddField("tenant", "plan", models.CharField(default="standard", max_length=40)),
        migrations.AddField("tenant", "closed_at", models.DateTimeField(null=True)),
        migrations.AddField("tenant", "ends_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("tenant", "tenant_status_known"),
        migrations.AddConstraint(
            "tenant",
            models.CheckConstraint(
                condition=models.Q(("status__in", ["active", "suspended", "closed"])),
                name="tenant_status_known",
            ),
        ),
        migrations.AddConstraint(
            "tenant",
            models.CheckConstraint(
                condition=models.Q(("kind__in", ["tenant", "reseller"])), name="tenant_kind_known"
            ),
        ),
        migrations.AddConstraint(
            "tenant",
            models.CheckConstraint(
                condition=models.Q(
                    ("closed_at__isnull", False), ("ends_at__isnull", False), ("status", "closed")
                )
                | models.Q(
                    models.Q(("status", "closed"), _negated=True),
                    models.Q(("closed_at__isnull", True), ("ends_at__isnull", True)),
                ),
                name="tenant_closed_until",
            ),
        ),
        migrations.AddIndex(
            "tenant",
            django.contrib.postgres.indexes.GinIndex(fields=["ancestors"], name="tenant_ancestors"),
        ),
        migrations.CreateModel(
            name="Settings",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(editable=False, primary_key=True, serialize=False),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("staff_access", models.CharField(default="automatic", max_length=16)),
                ("us_staff_only", models.BooleanField(default=False)),
                ("mfa_required", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "accounts_settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("staff_access__in", ["automatic", "approve", "never"])),
                        name="staff_access_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("code", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("created_at", models.DateTimeField()),
            ],
            options={"db_table": "accounts_plan"},
        ),
        TREE,
        enable_rls("accounts_settings"),
        grant("accounts_settings", Role.APP, "SELECT, INSERT, UPDATE"),
        grant("accounts_settings", Role.OPERATOR, "SELECT"),
        grant("accounts_plan", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
    ]
