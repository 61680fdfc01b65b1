from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("privacy", "0004_appeal")]

    operations = [
        migrations.AlterField("RightsRequest", "kind", models.CharField(max_length=24)),
        migrations.AddField("RightsRequest", "evidence_id", models.UUIDField(null=True)),
    ]
