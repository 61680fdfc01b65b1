from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import grant

_TABLES = ("compliance_case", "compliance_disclosure", "compliance_notice")


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial")]

    operations = [grant(table, Role.OPERATOR, "DELETE") for table in _TABLES]
