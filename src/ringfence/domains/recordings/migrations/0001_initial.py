from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant

TABLES = ("recordings_settings", "recordings_recording", "recordings_track")


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial"), ("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Recording",
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
                ("call_id", models.UUIDField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("state", models.CharField(max_length=16)),
                ("basis", models.CharField(max_length=40, null=True)),
                ("rule", models.CharField(max_length=24)),
                ("day", models.IntegerField()),
                ("gap", models.CharField(max_length=8)),
                ("marks", models.JSONField(null=True)),
                ("customer_keys", models.JSONField(default=list)),
                ("duration_ms", models.BigIntegerField(null=True)),
                ("analysis_until", models.DateTimeField(null=True)),
                ("analysis_ended_at", models.DateTimeField(null=True)),
                ("deletion_reason", models.CharField(max_length=16, null=True)),
            ],
            options={
                "db_table": "recordings_recording",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="recording_tenant"),
                    models.Index(fields=["tenant_id", "call_id", "id"], name="recording_call"),
                    models.Index(fields=["rule", "day"], name="recording_bucket"),
                    models.Index(
                        condition=models.Q(("state", "completed")),
                        fields=["id"],
                        name="recording_to_store",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("analysis_ended_at", None), ("analysis_until__isnull", False)
                        ),
                        fields=["analysis_until"],
                        name="recording_analysis",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ("recording", "completed", "stored", "deleted"))
                        ),
                        name="recording_state_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecordingSettings",
            fields=[
                ("tenant_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("enabled", models.BooleanField(default=False)),
                ("consent_override", models.CharField(max_length=24, null=True)),
                ("gap", models.CharField(default="silence", max_length=8)),
                ("prompt", models.CharField(default="recording-notice-en", max_length=40)),
                ("customer_key", models.TextField(null=True)),
                ("analysis_hours", models.IntegerField(default=24)),
            ],
            options={
                "db_table": "recordings_settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("consent_override", None),
                            ("consent_override", "always_announce"),
                            _connector="OR",
                        ),
                        name="recording_override_is_stricter",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("gap__in", ["silence", "tone"])),
                        name="recording_gap_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("analysis_hours__gte", 1), ("analysis_hours__lte", 720)
                        ),
                        name="recording_analysis_hours",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecordingTrack",
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
                ("recording_id", models.UUIDField()),
                ("call_id", models.UUIDField()),
                ("leg_id", models.UUIDField()),
                ("role", models.CharField(max_length=16)),
                ("person_id", models.UUIDField()),
                ("duration_ms", models.BigIntegerField(null=True)),
                ("bytes", models.BigIntegerField(null=True)),
                ("samples", models.BigIntegerField(null=True)),
                ("complete", models.BooleanField(null=True)),
                ("state", models.CharField(max_length=16)),
            ],
            options={
                "db_table": "recordings_track",
                "indexes": [
                    models.Index(fields=["recording_id", "id"], name="track_recording"),
                    models.Index(fields=["tenant_id", "person_id"], name="track_person"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ("recording", "stored", "lost", "deleted"))
                        ),
                        name="track_state_known",
                    )
                ],
            },
        ),
        *(enable_rls(table) for table in TABLES),
        grant("recordings_settings", Role.APP, "SELECT, INSERT, UPDATE"),
        grant("recordings_settings", Role.OPERATOR, "SELECT, INSERT, UPDATE, DELETE"),
        grant("recordings_recording", Role.APP, "SELECT, UPDATE (deletion_reason)"),
        grant("recordings_recording", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("recordings_track", Role.APP, "SELECT"),
        grant("recordings_track", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        definer_function(
            "ringfence_recording_settings(tenant uuid)",
            """TABLE (enabled boolean, consent_override text, gap text, prompt text,
                   customer_key text)""",
            """
            SELECT s.enabled, s.consent_override, s.gap, s.prompt, s.customer_key
            FROM recordings_settings s WHERE s.tenant_id = tenant
            """,
            Role.CALLPLANE,
        ),
    ]
