import django.contrib.postgres.fields
from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import enable_rls, grant
from ringfence.platform_django.sealed import sealed_check


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("tenant_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("password_hash", models.CharField(default="", max_length=255)),
                ("password_set_at", models.DateTimeField(null=True)),
                ("question", models.CharField(default="", max_length=40)),
                ("answer_hash", models.CharField(default="", max_length=255)),
                ("answer_set_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("locked_until", models.DateTimeField(null=True)),
                ("contract_regime", models.CharField(default="", max_length=500)),
                ("contract_reason", models.CharField(default="", max_length=500)),
                ("contract_set_by", models.CharField(default="", max_length=80)),
                ("contract_set_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "compliance_account",
            },
        ),
        migrations.CreateModel(
            name="Case",
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
                ("channel", models.CharField(max_length=16)),
                ("state", models.CharField(default="opened", max_length=40)),
                ("opened_by", models.CharField(max_length=80)),
                ("opened_at", models.DateTimeField()),
                ("proved_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("misses", models.PositiveSmallIntegerField(default=0)),
                ("callback_by", models.CharField(default="", max_length=80)),
                ("code_hash", models.BinaryField(null=True)),
                ("code_by", models.CharField(default="", max_length=80)),
                ("code_at", models.DateTimeField(null=True)),
                ("wrong_codes", models.PositiveSmallIntegerField(default=0)),
                ("mail_by", models.CharField(default="", max_length=80)),
                ("mail_since", models.DateTimeField(null=True)),
                ("mail_until", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "compliance_case",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="cpni_case_tenant")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "opened",
                                    "password_failed",
                                    "backup_failed",
                                    "locked",
                                    "authenticated_by_password",
                                    "authenticated_by_backup",
                                    "authenticated_by_photo_id",
                                    "authenticated_by_contract",
                                    "callback_ordered",
                                    "callback_placed",
                                    "callback_confirmed",
                                    "callback_failed",
                                    "mail_ordered",
                                    "mailed",
                                    "expired",
                                    "closed",
                                ],
                            )
                        ),
                        name="cpni_case_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["phone", "online", "in_store"])),
                        name="cpni_case_channel",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Contact",
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
                ("holder_id", models.UUIDField(editable=False, null=True)),
                (
                    "value_sealed",
                    ringfence.platform_django.sealed.SealedText(
                        account="tenant_id", number=23, role="holder", rule="cpni_contacts"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("with_account", models.BooleanField(default=False)),
                ("replaced_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "compliance_contact",
                "indexes": [
                    models.Index(fields=["tenant_id", "holder_id"], name="cpni_contact_holder")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["email", "number", "address"])),
                        name="cpni_contact_kind",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("replaced_at", None)),
                        fields=("tenant_id", "kind"),
                        name="cpni_contact_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Disclosure",
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
                ("case_id", models.UUIDField()),
                ("kind", models.CharField(max_length=16)),
                ("basis", models.CharField(max_length=40)),
                ("actor", models.CharField(max_length=80)),
                ("at", models.DateTimeField()),
                (
                    "calls",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), size=None
                    ),
                ),
            ],
            options={
                "db_table": "compliance_disclosure",
                "indexes": [models.Index(fields=["case_id", "id"], name="cpni_disclosure_case")],
            },
        ),
        migrations.CreateModel(
            name="Notice",
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
                ("what", models.CharField(max_length=40)),
                ("channel", models.CharField(max_length=16)),
                ("contact_id", models.UUIDField(null=True)),
                ("actor", models.CharField(max_length=80)),
                ("changed_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("sent_by", models.CharField(default="", max_length=80)),
            ],
            options={
                "db_table": "compliance_notice",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="cpni_notice_tenant"),
                    models.Index(
                        condition=models.Q(("sent_at", None)),
                        fields=["id"],
                        name="cpni_notice_waiting",
                    ),
                ],
            },
        ),
        enable_rls("compliance_account"),
        enable_rls("compliance_contact"),
        enable_rls("compliance_case"),
        enable_rls("compliance_disclosure"),
        enable_rls("compliance_notice"),
        sealed_check("compliance_contact", "value_sealed"),
        grant("compliance_account", Role.APP, "SELECT, INSERT"),
        grant(
            "compliance_account",
            Role.APP,
            "UPDATE (password_hash, password_set_at, question, answer_hash, answer_set_at)",
        ),
        grant("compliance_account", Role.OPERATOR, "SELECT, INSERT"),
        grant(
            "compliance_account",
            Role.OPERATOR,
            "UPDATE (failures, locked_until, contract_regime, contract_reason, contract_set_by, "
            "contract_set_at)",
        ),
        grant("compliance_contact", Role.APP, "SELECT, INSERT, UPDATE (replaced_at)"),
        grant("compliance_contact", Role.OPERATOR, "SELECT, UPDATE (value_sealed)"),
        grant("compliance_case", Role.APP, "SELECT"),
        grant("compliance_case", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("compliance_disclosure", Role.APP, "SELECT"),
        grant("compliance_disclosure", Role.OPERATOR, "SELECT, INSERT"),
        grant("compliance_notice", Role.APP, "SELECT, INSERT"),
        grant("compliance_notice", Role.OPERATOR, "SELECT, UPDATE (sent_at, sent_by)"),
    ]
