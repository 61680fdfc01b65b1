from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0001_initial")]

    operations = [
        migrations.AddField("call", "unrecorded", models.CharField(max_length=40, null=True))
    ]
