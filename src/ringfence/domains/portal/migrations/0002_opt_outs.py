from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial")]

    operations = [migrations.AlterField("Visit", "wish", models.CharField(max_length=24))]
