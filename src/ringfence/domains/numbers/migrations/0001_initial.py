from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import (
    bumps_config_version,
    definer_function,
    enable_rls,
    grant,
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial"), ("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Number",
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
                ("e164", models.CharField(max_length=16)),
                ("label", models.CharField(blank=True, default="", max_length=120)),
                ("dial", models.JSONField()),
                ("flow_id", models.UUIDField(null=True)),
                ("dial_timeout_seconds", models.IntegerField(default=30)),
                ("caller_id", models.CharField(max_length=16, null=True)),
                ("max_seconds", models.IntegerField(null=True)),
                ("status", models.CharField(default="active", max_length=16)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "numbers_number",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="number_tenant")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "inactive"])),
                        name="number_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("flow_id", None), models.Q(("dial", []), _negated=True)),
                            models.Q(("dial", []), ("flow_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="number_leads_one_way",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "active")),
                        fields=("e164",),
                        name="number_active_unique",
                    ),
                ],
            },
        ),
        enable_rls("numbers_number"),
        grant("numbers_number", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("numbers_number", Role.OPERATOR, "SELECT, INSERT, UPDATE, DELETE"),
        bumps_config_version("numbers_number"),
        definer_function(
            "ringfence_route_number(called text)",
            """TABLE (tenant_id uuid, number_id uuid, dial jsonb, dial_timeout_seconds integer,
                   caller_id text, max_seconds integer, flow_id uuid)""",
            """
            SELECT n.tenant_id, n.id, n.dial, n.dial_timeout_seconds, n.caller_id, n.max_seconds,
                n.flow_id
            FROM numbers_number n
            WHERE n.e164 = called AND n.status = 'active'
            AND ringfence_tenant_is_active(n.tenant_id)
            """,
            Role.CALLPLANE,
        ),
    ]
