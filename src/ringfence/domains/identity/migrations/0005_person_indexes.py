from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0004_signin"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["person_id"], name="user_person"),
        ),
        migrations.AddIndex(
            model_name="invitation",
            index=models.Index(fields=["invitee_id"], name="invitation_invitee"),
        ),
    ]
