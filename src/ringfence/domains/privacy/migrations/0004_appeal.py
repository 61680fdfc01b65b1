from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant

_TABLE = "privacy_rights_request"


class Migration(migrations.Migration):
    dependencies = [("privacy", "0003_rights")]

    operations = [
        migrations.AlterField("RightsRequest", "person_id", models.UUIDField(null=True)),
        migrations.AddField(
            "RightsRequest", "decided_by", models.CharField(max_length=80, null=True)
        ),
        migrations.AddField("RightsRequest", "appeal_of", models.UUIDField(null=True)),
        migrations.AddField("RightsRequest", "follows_appeal", models.UUIDField(null=True)),
        migrations.AddConstraint(
            "RightsRequest",
            models.UniqueConstraint(fields=["appeal_of"], name="rights_appeal_once"),
        ),
        migrations.AddConstraint(
            "RightsRequest",
            models.UniqueConstraint(fields=["follows_appeal"], name="rights_follows_once"),
        ),
        grant(_TABLE, Role.APP, "UPDATE (decided_by)"),
    ]
