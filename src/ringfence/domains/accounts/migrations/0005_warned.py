"""Since when people of a closed tenant know of its end. Who was closed before is told anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_end")]

    operations = [
        migrations.AddField("tenant", "warned_at", models.DateTimeField(null=True)),
    ]
