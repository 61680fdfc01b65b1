from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant


class Migration(migrations.Migration):
    dependencies = [("privacy", "0007_records")]

    operations = [
        migrations.AddField("RightsRequest", "lifted_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "RightsRequest", "lifted_hash", models.CharField(max_length=64, null=True)
        ),
        grant(
            "privacy_rights_request", Role.APP, "UPDATE (lifted_at, lifted_hash, authority_sealed)"
        ),
    ]
