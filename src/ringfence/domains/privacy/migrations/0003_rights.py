from django.db import migrations, models
from django.db.models import Q

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import enable_rls, grant

_TABLE = "privacy_rights_request"


class Migration(migrations.Migration):
    dependencies = [("privacy", "0002_certificate")]

    operations = [
        migrations.CreateModel(
            name="RightsRequest",
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
                ("kind", models.CharField(max_length=16)),
                ("person_id", models.UUIDField()),
                ("jurisdiction", models.CharField(max_length=16)),
                ("channel", models.CharField(max_length=16)),
                ("state", models.CharField(default="received", max_length=16)),
                ("received_at", models.DateTimeField()),
                ("acknowledge_by", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("extended_until", models.DateTimeField(null=True)),
                ("extension_reason", models.CharField(max_length=24, null=True)),
                ("verified_at", models.DateTimeField(null=True)),
                ("verified_by", models.CharField(max_length=80, null=True)),
                ("method", models.CharField(max_length=24, null=True)),
                ("refusal", models.CharField(max_length=24, null=True)),
                ("completed_at", models.DateTimeField(null=True)),
                ("erasure_id", models.UUIDField(null=True)),
                (
                    "package_id",
                    models.UUIDField(default=ringfence.platform_django.clock.new_id),
                ),
                ("package_day", models.IntegerField(null=True)),
                ("package_bytes", models.BigIntegerField(null=True)),
                ("receipt", models.JSONField(null=True)),
            ],
            options={
                "db_table": _TABLE,
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="rights_tenant"),
                    models.Index(fields=["tenant_id", "person_id"], name="rights_person"),
                    models.Index(fields=["package_id"], name="rights_package"),
                    models.Index(
                        fields=["package_day"],
                        name="rights_package_day",
                        condition=Q(package_day__isnull=False),
                    ),
                    models.Index(
                        fields=["id"],
                        name="rights_unfinished",
                        condition=~Q(state__in=["done", "refused"]),
                    ),
                ],
            },
        ),
        enable_rls(_TABLE),
        grant(_TABLE, Role.APP, "SELECT, INSERT"),
        grant(
            _TABLE,
            Role.APP,
            "UPDATE (state, verified_at, verified_by, method, extended_until, extension_reason, "
            "refusal, completed_at, erasure_id)",
        ),
        grant(_TABLE, Role.OPERATOR, "SELECT, UPDATE"),
    ]
