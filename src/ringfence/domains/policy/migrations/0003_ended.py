from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant


class Migration(migrations.Migration):
    dependencies = [("policy", "0002_order")]

    operations = [grant("policy_acceptance", Role.OPERATOR, "DELETE")]
