"""An examination that began is lost as soon as nobody holds its lock."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("policy", "0004_custody")]

    operations = [migrations.AddField("order", "begun_at", models.DateTimeField(null=True))]
