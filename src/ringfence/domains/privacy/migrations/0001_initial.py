from django.db import migrations, models
from django.db.models import Q

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import enable_rls, grant

_ID = (
    "id",
    models.UUIDField(
        default=ringfence.platform_django.clock.new_id,
        editable=False,
        primary_key=True,
        serialize=False,
    ),
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="ErasureOrder",
            fields=[
                _ID,
                ("tenant_id", models.UUIDField(editable=False)),
                ("kind", models.CharField(max_length=16)),
                ("reason", models.CharField(max_length=16)),
                ("actor", models.CharField(max_length=80)),
                ("destruction", models.JSONField()),
                ("state", models.CharField(default="ordered", max_length=16)),
                ("ordered_at", models.DateTimeField()),
                ("destroyed_at", models.DateTimeField(null=True)),
                ("cleaned_at", models.DateTimeField(null=True)),
                ("rows_cleared", models.BigIntegerField(default=0)),
                ("escrowed", models.IntegerField(default=0)),
                ("category", models.CharField(max_length=24, null=True)),
                ("rule", models.CharField(max_length=24, null=True)),
                ("day", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "privacy_erasure",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="erasure_tenant"),
                    models.Index(fields=["ordered_at"], name="erasure_ordered"),
                    models.Index(
                        fields=["id"], name="erasure_unfinished", condition=~Q(state="cleaned")
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["category", "rule", "day", "tenant_id"], name="erasure_day_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                _ID,
                ("tenant_id", models.UUIDField(editable=False)),
                ("actor", models.CharField(max_length=80)),
                ("placed_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
                ("persons", models.JSONField(default=list)),
                ("items", models.JSONField(default=list)),
                ("leaves", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "privacy_hold",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="hold_tenant")],
            },
        ),
        enable_rls("privacy_erasure"),
        enable_rls("privacy_hold"),
        grant("privacy_erasure", Role.APP, "SELECT, INSERT"),
        grant("privacy_erasure", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("privacy_hold", Role.APP, "SELECT"),
        grant("privacy_hold", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
    ]
