import django.contrib.postgres.fields
from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import enable_rls, grant
from ringfence.platform_django.sealed import sealed_check

_TABLES = ("webhooks_endpoint", "webhooks_delivery")


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Delivery",
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
                ("endpoint_id", models.UUIDField()),
                ("type", models.CharField(max_length=40)),
                ("data", models.JSONField()),
                ("key", models.CharField(max_length=128)),
                ("occurred_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("state", models.CharField(default="pending", max_length=16)),
                ("attempts", models.SmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("delivered_at", models.DateTimeField(null=True)),
                ("last_status", models.SmallIntegerField(null=True)),
                ("last_error", models.CharField(max_length=40, null=True)),
                ("log", models.JSONField(default=list)),
            ],
            options={
                "db_table": "webhooks_delivery",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["endpoint_id", "next_attempt_at"],
                        name="delivery_due",
                    ),
                    models.Index(
                        fields=["tenant_id", "endpoint_id", "id"], name="delivery_endpoint"
                    ),
                    models.Index(
                        fields=["tenant_id", "endpoint_id", "state", "id"],
                        name="delivery_endpoint_state",
                    ),
                    models.Index(
                        condition=models.Q(("state", "pending"), _negated=True),
                        fields=["created_at"],
                        name="delivery_settled",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "endpoint_id", "key"), name="delivery_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "delivered", "dead"])),
                        name="delivery_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
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
                ("url", models.CharField(max_length=2048)),
                ("description", models.CharField(blank=True, default="", max_length=200)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None
                    ),
                ),
                (
                    "secret_sealed",
                    ringfence.platform_django.sealed.SealedText(number=12, person="", role=""),
                ),
                ("rotating_until", models.DateTimeField(null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_reason", models.CharField(max_length=16, null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "webhooks_endpoint",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="webhook_tenant")],
            },
        ),
        sealed_check("webhooks_endpoint", "secret_sealed"),
        *(enable_rls(table) for table in _TABLES),
        *(
            grant(table, role, "SELECT, INSERT, UPDATE, DELETE")
            for table in _TABLES
            for role in (Role.APP, Role.OPERATOR)
        ),
    ]
