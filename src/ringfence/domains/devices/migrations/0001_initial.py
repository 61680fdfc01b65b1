from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django import sealed
from ringfence.platform_django.operations import (
    bumps_config_version,
    definer_function,
    enable_rls,
    grant,
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Device",
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
                ("name", models.CharField(max_length=120)),
                ("username", models.CharField(max_length=40, unique=True)),
                (
                    "ha1_md5_sealed",
                    sealed.SealedText(number=10, role="", person="", null=False),
                ),
                (
                    "ha1_sha256_sealed",
                    sealed.SealedText(number=11, role="", person="", null=False),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "devices_device",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="device_tenant")],
            },
        ),
        sealed.sealed_check("devices_device", "ha1_md5_sealed"),
        sealed.sealed_check("devices_device", "ha1_sha256_sealed"),
        enable_rls("devices_device"),
        grant("devices_device", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("devices_device", Role.OPERATOR, "SELECT"),
        bumps_config_version("devices_device"),
        definer_function(
            "ringfence_routing_devices()",
            "SETOF devices_device",
            "SELECT d FROM devices_device d WHERE d.enabled ORDER BY d.id",
            Role.CALLPLANE,
        ),
    ]
