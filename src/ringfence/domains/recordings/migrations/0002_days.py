from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recordings", "0001_initial")]

    operations = [
        migrations.AddIndex(
            "recording",
            models.Index(fields=["tenant_id", "rule", "day"], name="recording_tenant_day"),
        ),
    ]
