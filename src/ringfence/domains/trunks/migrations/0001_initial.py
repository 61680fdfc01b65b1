import django.contrib.postgres.constraints
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.models
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
            name="Trunk",
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
                ("username", models.CharField(max_length=120, null=True, unique=True)),
                (
                    "ha1_md5_sealed",
                    sealed.SealedText(number=7, role="", person=""),
                ),
                (
                    "ha1_sha256_sealed",
                    sealed.SealedText(number=8, role="", person=""),
                ),
                ("peer_host", models.CharField(max_length=255, null=True)),
                ("peer_port", models.IntegerField(default=5060)),
                ("peer_transport", models.CharField(default="udp", max_length=8)),
                ("auth_username", models.CharField(max_length=120, null=True)),
                (
                    "auth_password_sealed",
                    sealed.SealedText(number=4, role="", person=""),
                ),
                ("country_code", models.CharField(default="1", max_length=3)),
                ("national_prefix", models.CharField(default="1", max_length=8)),
                ("international_prefix", models.CharField(default="011", max_length=8)),
                ("strip_prefix", models.CharField(blank=True, default="", max_length=16)),
                ("style", models.CharField(default="e164", max_length=16)),
                ("add_prefix", models.CharField(blank=True, default="", max_length=16)),
                ("max_calls_per_second", models.IntegerField(null=True)),
                ("max_channels", models.IntegerField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "trunks_trunk",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="trunk_tenant")],
            },
        ),
        migrations.CreateModel(
            name="TrunkSource",
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
                ("network", ringfence.platform_django.models.CidrField()),
                (
                    "trunk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sources",
                        to="trunks.trunk",
                    ),
                ),
            ],
            options={
                "db_table": "trunks_source",
                "constraints": [
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            (
                                django.contrib.postgres.indexes.OpClass(
                                    models.F("network"), name="inet_ops"
                                ),
                                "&&",
                            )
                        ],
                        name="trunk_sources_disjoint",
                    )
                ],
            },
        ),
        sealed.sealed_check("trunks_trunk", "ha1_md5_sealed"),
        sealed.sealed_check("trunks_trunk", "ha1_sha256_sealed"),
        sealed.sealed_check("trunks_trunk", "auth_password_sealed"),
        enable_rls("trunks_trunk"),
        enable_rls("trunks_source"),
        grant("trunks_trunk", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("trunks_source", Role.APP, "SELECT, INSERT, DELETE"),
        grant("trunks_trunk", Role.OPERATOR, "SELECT, INSERT, UPDATE, DELETE"),
        grant("trunks_source", Role.OPERATOR, "SELECT, INSERT, DELETE"),
        bumps_config_version("trunks_trunk"),
        bumps_config_version("trunks_source"),
        definer_function(
            "ringfence_routing_trunks()",
            "TABLE (trunk trunks_trunk, networks text[])",
            """
            SELECT t, coalesce((SELECT array_agg(s.network::text ORDER BY s.network)
                                FROM trunks_source s WHERE s.trunk_id = t.id), '{}')
            FROM trunks_trunk t ORDER BY t.id
            """,
            Role.CALLPLANE,
        ),
    ]
