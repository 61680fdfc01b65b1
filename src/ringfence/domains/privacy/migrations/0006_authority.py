from django.db import migrations, models

import ringfence.platform_django.sealed
from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant
from ringfence.platform_django.sealed import sealed_check

_TABLE = "privacy_rights_request"


class Migration(migrations.Migration):
    dependencies = [("privacy", "0005_opt_outs")]

    operations = [
        migrations.AddField(
            "RightsRequest", "authority", models.CharField(max_length=24, null=True)
        ),
        migrations.AddField(
            "RightsRequest", "authority_hash", models.CharField(max_length=64, null=True)
        ),
        migrations.AddField(
            "RightsRequest", "authority_expires_at", models.DateTimeField(null=True)
        ),
        migrations.AddField(
            "RightsRequest",
            "authority_sealed",
            ringfence.platform_django.sealed.SealedJSON(
                number=45, role="requester", person="person_id", rule="consents"
            ),
        ),
        migrations.AddField("RightsRequest", "confirmed_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "RightsRequest",
            "statement_sealed",
            ringfence.platform_django.sealed.SealedText(
                number=46, role="requester", person="person_id", rule="consents"
            ),
        ),
        migrations.AddField(
            "RightsRequest", "statement_use", models.CharField(max_length=16, null=True)
        ),
        sealed_check(_TABLE, "authority_sealed"),
        sealed_check(_TABLE, "statement_sealed"),
        grant(_TABLE, Role.APP, "UPDATE (confirmed_at, statement_use)"),
    ]
