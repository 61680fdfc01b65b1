from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function

# All of them or, where anything is younger than first, none.
_END = """
DECLARE
    owned text;
    one bigint;
    removed bigint := 0;
BEGIN
    PERFORM ringfence_check_ended(ended);
    IF EXISTS (SELECT 1 FROM ledger_account r WHERE r.tenant_id = ended AND r.id >= first)
        OR EXISTS (SELECT 1 FROM ledger_entry r WHERE r.tenant_id = ended AND r.id >= first)
        OR EXISTS (SELECT 1 FROM ledger_rate_deck r WHERE r.tenant_id = ended AND r.id >= first)
        OR EXISTS (SELECT 1 FROM ledger_unrated r WHERE r.tenant_id = ended AND r.id >= first)
    THEN
        RETURN 0;
    END IF;
    FOREACH owned IN ARRAY ARRAY['ledger_checkpoint', 'ledger_line', 'ledger_entry', 'ledger_rate',
        'ledger_rate_deck', 'ledger_unrated', 'ledger_account']
    LOOP
        EXECUTE format('DELETE FROM %I WHERE tenant_id = $1', owned) USING ended;
        GET DIAGNOSTICS one = ROW_COUNT;
        removed := removed + one;
    END LOOP;
    RETURN removed;
END
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("accounts", "0006_retention")]

    operations = [
        definer_function(
            "ringfence_end_books(ended uuid, first uuid)",
            "bigint",
            _END,
            Role.OPERATOR,
            language="plpgsql",
        )
    ]
