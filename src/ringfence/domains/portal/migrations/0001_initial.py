from django.db import migrations, models

import ringfence.platform_django.clock
import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant
from ringfence.platform_django.sealed import sealed_check


class Migration(migrations.Migration):
    initial = True
    dependencies = [("accounts", "0004_end")]

    operations = [
        migrations.CreateModel(
            name="Portal",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(editable=False, primary_key=True, serialize=False),
                ),
                ("slug", models.CharField(max_length=63, unique=True)),
                ("caller_id", models.CharField(max_length=16, null=True)),
                ("officer_confirms", models.BooleanField(default=False)),
            ],
            options={"db_table": "portal_portal"},
        ),
        migrations.CreateModel(
            name="Visit",
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
                ("browser_hash", models.BinaryField(unique=True)),
                ("subject_hash", models.BinaryField(null=True)),
                ("address_hash", models.BinaryField(null=True)),
                ("wish", models.CharField(max_length=16)),
                ("jurisdiction", models.CharField(max_length=16)),
                ("by_call", models.BooleanField()),
                ("person_id", models.UUIDField(null=True)),
                ("code_hash", models.BinaryField(null=True)),
                ("call_id", models.UUIDField(default=ringfence.platform_django.clock.new_id)),
                (
                    "contact_sealed",
                    ringfence.platform_django.sealed.SealedJSON(number=44, person="", role=""),
                ),
                ("state", models.CharField(max_length=8)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("proven_at", models.DateTimeField(null=True)),
                ("request_id", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "portal_visit",
                "indexes": [
                    models.Index(fields=["tenant_id", "asked_at"], name="portal_visit_tenant"),
                    models.Index(
                        fields=["tenant_id", "subject_hash", "asked_at"], name="portal_visit_of"
                    ),
                    models.Index(fields=["tenant_id", "person_id"], name="portal_visit_person"),
                    models.Index(fields=["asked_at"], name="portal_visit_age"),
                ],
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
                ("request_id", models.UUIDField(editable=False)),
                ("urgency", models.CharField(max_length=8)),
                ("end_at", models.DateTimeField()),
                ("user_id", models.UUIDField(editable=False)),
                ("told_at", models.DateTimeField()),
            ],
            options={
                "db_table": "portal_notice",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant_id", "request_id", "urgency", "end_at", "user_id"],
                        name="portal_notice_once",
                    )
                ],
            },
        ),
        enable_rls("portal_notice"),
        grant("portal_notice", Role.APP, "SELECT, INSERT"),
        enable_rls("portal_portal"),
        enable_rls("portal_visit"),
        sealed_check("portal_visit", "contact_sealed"),
        grant("portal_portal", Role.APP, "SELECT, INSERT, UPDATE, DELETE"),
        grant("portal_portal", Role.OPERATOR, "SELECT"),
        grant("portal_visit", Role.APP, "SELECT, INSERT"),
        grant(
            "portal_visit",
            Role.APP,
            "UPDATE (state, tries, proven_at, code_hash, contact_sealed, request_id)",
        ),
        grant("portal_visit", Role.OPERATOR, "SELECT, UPDATE, DELETE"),
        definer_function(
            "ringfence_find_portal(wanted text)",
            """TABLE (tenant_id uuid, tenant_name text, slug text, caller_id text,
                   officer_confirms boolean)""",
            """
            SELECT p.tenant_id, t.name::text, p.slug::text, p.caller_id::text, p.officer_confirms
            FROM portal_portal p JOIN accounts_tenant t ON t.id = p.tenant_id
            WHERE p.slug = wanted AND t.ended_at IS NULL
            """,
            Role.APP,
        ),
    ]
