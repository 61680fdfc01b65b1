"""Examinations that somebody asked for."""

from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant


class Migration(migrations.Migration):
    dependencies = [("policy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("profile", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("run", models.UUIDField()),
                ("actor", models.CharField(max_length=80)),
                ("ordered_at", models.DateTimeField()),
                ("step", models.CharField(default="", max_length=80)),
                ("ended_at", models.DateTimeField(null=True)),
                ("failed", models.CharField(default="", max_length=200)),
            ],
            options={"db_table": "policy_order"},
        ),
        grant("policy_order", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
    ]
