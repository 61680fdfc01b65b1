from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function


class Migration(migrations.Migration):
    dependencies = [("policy", "0003_ended"), ("accounts", "0001_initial")]

    operations = [
        definer_function(
            "ringfence_custody_terms(tenant uuid)",
            """TABLE (number integer, effective_at timestamptz, needs_consent boolean,
                   accepted boolean, joined_at timestamptz, custody text)""",
            """
            SELECT v.number, v.effective_at, v.needs_consent, EXISTS (
                    SELECT 1 FROM policy_acceptance a
                    WHERE a.tenant_id = tenant AND a.number = v.number
                ), t.created_at, v."values" #>> '{recordings,key_custody}'
            FROM policy_version v JOIN accounts_tenant t ON t.id = tenant ORDER BY v.number
            """,
            Role.CALLPLANE,
        )
    ]
