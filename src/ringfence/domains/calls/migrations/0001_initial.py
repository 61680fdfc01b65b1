from django.db import migrations, models

import ringfence.domains.calls.models
from ringfence.platform.database import Role
from ringfence.platform_django import sealed
from ringfence.platform_django.operations import CreatePartitioned, allow_insert, enable_rls, grant


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE calls_journal_position", "DROP SEQUENCE calls_journal_position"
        ),
        migrations.CreateModel(
            name="ProjectorState",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "calls_projector",
            },
        ),
        CreatePartitioned(
            partition_by="id",
            name="Call",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(editable=False, null=True)),
                ("direction", models.CharField(max_length=16)),
                ("caller_id", models.UUIDField(null=True)),
                (
                    "caller_sealed",
                    sealed.SealedJSON(number=1, role="caller", row="id", day_of="id"),
                ),
                ("callee_id", models.UUIDField(null=True)),
                (
                    "callee_sealed",
                    sealed.SealedJSON(number=2, role="callee", row="id", day_of="id"),
                ),
                ("captured_id", models.UUIDField(null=True)),
                (
                    "captured_sealed",
                    sealed.SealedJSON(number=9, role="captured", row="id", day_of="id"),
                ),
                ("dialled", models.CharField(max_length=128, null=True)),
                ("country_code", models.CharField(max_length=8, null=True)),
                ("area", models.CharField(max_length=16, null=True)),
                ("trunk_id", models.UUIDField(null=True)),
                ("number_id", models.UUIDField(null=True)),
                ("flow_id", models.UUIDField(null=True)),
                ("flow_version", models.IntegerField(null=True)),
                ("started_at", models.DateTimeField()),
                ("routed_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("disposition", models.CharField(max_length=16, null=True)),
                ("end_reason", models.CharField(max_length=32, null=True)),
                ("ended_by", models.CharField(max_length=16, null=True)),
                ("sip_status", models.IntegerField(null=True)),
                ("q850", models.IntegerField(null=True)),
                ("billed_seconds", models.IntegerField(default=0)),
                ("duration_ms", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "calls_call",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="call_tenant"),
                    models.Index(
                        fields=["tenant_id", "caller_id", "id"], name="call_tenant_caller"
                    ),
                    models.Index(
                        fields=["tenant_id", "callee_id", "id"],
                        name="call_tenant_callee",
                        condition=models.Q(("callee_id__isnull", False)),
                    ),
                    models.Index(
                        fields=["tenant_id", "captured_id", "id"],
                        name="call_tenant_captured",
                        condition=models.Q(("captured_id__isnull", False)),
                    ),
                    models.Index(fields=["tenant_id", "dialled", "id"], name="call_tenant_dialled"),
                    models.Index(
                        fields=["tenant_id", "number_id", "id"], name="call_tenant_number"
                    ),
                    models.Index(
                        fields=["tenant_id", "flow_id", "id"],
                        name="call_tenant_flow",
                        condition=models.Q(("flow_id__isnull", False)),
                    ),
                    models.Index(
                        fields=["tenant_id", "direction", "id"], name="call_tenant_direction"
                    ),
                    models.Index(
                        fields=["tenant_id", "disposition", "id"], name="call_tenant_disposition"
                    ),
                ],
            },
        ),
        CreatePartitioned(
            partition_by="id",
            name="CallLeg",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(editable=False, null=True)),
                ("call_id", models.UUIDField()),
                ("role", models.CharField(max_length=16)),
                ("trunk_id", models.UUIDField(null=True)),
                ("party_id", models.UUIDField(null=True)),
                (
                    "party_sealed",
                    sealed.SealedJSON(number=3, role="party", day_of="call_id"),
                ),
                ("transport", models.CharField(max_length=8, null=True)),
                ("cipher", models.CharField(max_length=64, null=True)),
                ("codec", models.CharField(max_length=32, null=True)),
                ("created_at", models.DateTimeField()),
                ("ringing_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("bridged_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("sip_status", models.IntegerField(null=True)),
                ("q850", models.IntegerField(null=True)),
                ("ended_by", models.CharField(max_length=16, null=True)),
                ("rx_packets", models.BigIntegerField(null=True)),
                ("tx_packets", models.BigIntegerField(null=True)),
                ("lost_packets", models.BigIntegerField(null=True)),
                ("jitter_ms", models.FloatField(null=True)),
                ("rtt_ms", models.FloatField(null=True)),
                ("mos", models.FloatField(null=True)),
            ],
            options={
                "db_table": "calls_leg",
                "indexes": [
                    models.Index(fields=["call_id", "id"], name="leg_call"),
                    models.Index(
                        fields=["tenant_id", "party_id"],
                        name="leg_party",
                        condition=models.Q(("party_id__isnull", False)),
                    ),
                ],
            },
        ),
        CreatePartitioned(
            partition_by="call_id",
            name="CallTag",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "call_id",
                        "name",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("call_id", models.UUIDField()),
                ("name", models.CharField(max_length=64)),
                ("tenant_id", models.UUIDField(null=True)),
                ("value", models.CharField(max_length=255)),
            ],
            options={
                "db_table": "calls_tag",
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "name", "value", "call_id"], name="tag_value"
                    ),
                ],
            },
        ),
        CreatePartitioned(
            partition_by="call_id",
            name="JournalEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "call_id",
                        "seq",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("call_id", models.UUIDField()),
                ("seq", models.IntegerField()),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(max_length=40)),
                ("tenant_id", models.UUIDField(null=True)),
                ("data", models.JSONField()),
                (
                    "position",
                    models.BigIntegerField(
                        db_default=ringfence.domains.calls.models.NextPosition()
                    ),
                ),
                ("caller_id", models.UUIDField(null=True)),
                (
                    "caller_sealed",
                    ringfence.domains.calls.models.JournalParty(
                        number=1, role="caller", row="call_id", day_of="call_id"
                    ),
                ),
                ("callee_id", models.UUIDField(null=True)),
                (
                    "callee_sealed",
                    ringfence.domains.calls.models.JournalParty(
                        number=2, role="callee", row="call_id", day_of="call_id"
                    ),
                ),
            ],
            options={
                "db_table": "calls_journal",
                "indexes": [
                    models.Index(fields=["position"], name="journal_position"),
                    models.Index(fields=["tenant_id", "position"], name="journal_tenant_position"),
                    models.Index(
                        fields=["tenant_id", "caller_id"],
                        name="journal_caller",
                        condition=models.Q(("caller_id__isnull", False)),
                    ),
                    models.Index(
                        fields=["tenant_id", "callee_id"],
                        name="journal_callee",
                        condition=models.Q(("callee_id__isnull", False)),
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER SEQUENCE calls_journal_position OWNED BY calls_journal.position",
            migrations.RunSQL.noop,
        ),
        sealed.sealed_check("calls_journal", "caller_sealed"),
        sealed.sealed_check("calls_journal", "callee_sealed"),
        sealed.sealed_check("calls_call", "caller_sealed"),
        sealed.sealed_check("calls_call", "callee_sealed"),
        sealed.sealed_check("calls_call", "captured_sealed"),
        sealed.sealed_check("calls_leg", "party_sealed"),
        enable_rls("calls_journal"),
        enable_rls("calls_call"),
        enable_rls("calls_leg"),
        enable_rls("calls_tag"),
        allow_insert("calls_journal", Role.CALLPLANE),
        grant("SEQUENCE calls_journal_position", Role.CALLPLANE, "USAGE"),
        grant("SEQUENCE calls_journal_position", Role.OPERATOR, "USAGE"),
        grant("calls_journal", Role.APP, "SELECT"),
        grant("calls_call", Role.APP, "SELECT"),
        grant("calls_leg", Role.APP, "SELECT"),
        grant("calls_tag", Role.APP, "SELECT"),
        grant(
            "calls_journal",
            Role.OPERATOR,
            "SELECT, INSERT, UPDATE (data, caller_sealed, callee_sealed)",  # erasure
        ),
        grant("calls_call", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("calls_leg", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("calls_tag", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("calls_projector", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
    ]
