from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("privacy", "0001_initial")]

    operations = [
        migrations.AddField("erasureorder", "certificate", models.JSONField(null=True)),
    ]
