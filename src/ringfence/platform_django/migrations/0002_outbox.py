from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django import sealed
from ringfence.platform_django.operations import definer_function, grant

QUEUE = """
BEGIN
    INSERT INTO platform_mail (id, queued_at, mail_sealed) VALUES (mail, at, content);
    PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'platform.send_mail', 0, NULL, NULL,
        jsonb_build_object('mail', replace(mail::text, '-', '')), NULL
        )::procrastinate_job_to_defer_v1]);
END
"""


class Migration(migrations.Migration):
    dependencies = [
        ("platform", "0001_initial"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mail",
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
                ("queued_at", models.DateTimeField()),
                ("mail_sealed", sealed.SealedJSON(number=18, role="", person="", null=False)),
            ],
            options={
                "db_table": "platform_mail",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("tenant_id", None)), name="mail_of_no_tenant"
                    )
                ],
            },
        ),
        sealed.sealed_check("platform_mail", "mail_sealed"),
        grant("platform_mail", Role.OPERATOR, "SELECT, UPDATE, DELETE"),
        definer_function(
            "ringfence_queue_mail(mail uuid, content bytea, at timestamptz)",
            "void",
            QUEUE,
            Role.APP,
            Role.OPERATOR,
            Role.IDENTITY,
            language="plpgsql",
        ),
    ]
