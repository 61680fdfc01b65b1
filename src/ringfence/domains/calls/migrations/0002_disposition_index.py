from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0001_initial")]

    operations = [
        migrations.AddIndex(
            "call",
            models.Index(fields=["tenant_id", "disposition", "id"], name="call_tenant_disposition"),
        ),
    ]
