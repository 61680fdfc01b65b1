from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant


class Migration(migrations.Migration):
    dependencies = [("privacy", "0006_authority")]

    operations = [grant("privacy_erasure", Role.OPERATOR, "DELETE")]
