from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function

# All of it or, where anything is younger than first, nothing.
_END = """
DECLARE
    one bigint;
    removed bigint;
BEGIN
    PERFORM ringfence_check_ended(ended);
    IF EXISTS (SELECT 1 FROM consent_evidence r WHERE r.tenant_id = ended AND r.id >= first)
        OR EXISTS (SELECT 1 FROM consent_wording r WHERE r.tenant_id = ended AND r.id >= first)
    THEN
        RETURN 0;
    END IF;
    DELETE FROM consent_evidence WHERE tenant_id = ended;
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM consent_wording WHERE tenant_id = ended;
    GET DIAGNOSTICS one = ROW_COUNT;
    RETURN removed + one;
END
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial"), ("accounts", "0006_retention")]

    operations = [
        definer_function(
            "ringfence_end_consents(ended uuid, first uuid)",
            "bigint",
            _END,
            Role.OPERATOR,
            language="plpgsql",
        )
    ]
