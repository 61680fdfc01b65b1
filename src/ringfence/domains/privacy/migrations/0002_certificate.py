from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("privacy", "0001_initial")]

    operations = [
        migrations.AddField("erasureorder", "certificate", models.JSONField(null=True)),
        # What was done before has none, and says so: from now on NULL is a missing one.
        migrations.RunSQL(
            "UPDATE privacy_erasure SET certificate = '{}' WHERE state = 'cleaned'",
            migrations.RunSQL.noop,
        ),
    ]
