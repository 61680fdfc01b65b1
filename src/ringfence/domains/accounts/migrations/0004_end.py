from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function

# A table that comes later is emptied like the others, unless it is named here.
_END = """
DECLARE
    kept text[] := ARRAY[
        'audit_batch', 'audit_use',
        'compliance_case', 'compliance_disclosure', 'compliance_notice',
        'ledger_account', 'ledger_checkpoint', 'ledger_entry', 'ledger_line', 'ledger_rate',
        'ledger_rate_deck', 'ledger_unrated',
        'policy_acceptance',
        'privacy_erasure', 'privacy_hold'
    ];
    of_calls text[] := ARRAY[
        'calls_call', 'calls_journal', 'calls_leg', 'calls_tag',
        'recordings_recording', 'recordings_track'
    ];
    owned text;
    one bigint;
    pass bigint;
    removed bigint := 0;
BEGIN
    PERFORM 1 FROM accounts_tenant t
    WHERE t.id = ended AND t.status = 'closed' AND t.ends_at <= at FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant is not closed for good'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- While a legal hold lasts, what it covers stays, cleared of the rest.
    IF EXISTS (SELECT 1 FROM privacy_hold h WHERE h.tenant_id = ended AND h.released_at IS NULL)
    THEN
        kept := kept || of_calls;
    END IF;
    -- A call's first events stand without a tenant.
    IF NOT 'calls_journal' = ANY (kept) THEN
        DELETE FROM calls_journal j WHERE j.tenant_id IS NULL AND EXISTS (
            SELECT 1 FROM calls_call c WHERE c.id = j.call_id AND c.tenant_id = ended);
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    UPDATE compliance_case SET code_hash = NULL
    WHERE tenant_id = ended AND code_hash IS NOT NULL;
    LOOP  -- again: a trigger may add to what was emptied before
        pass := 0;
        FOR owned IN
            SELECT c.relname FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition AND NOT a.attisdropped AND NOT c.relname = ANY (kept)
            ORDER BY c.relname DESC  -- flows_version names flows_flow
        LOOP
            EXECUTE format('DELETE FROM %I WHERE tenant_id = $1', owned) USING ended;
            GET DIAGNOSTICS one = ROW_COUNT;
            pass := pass + one;
        END LOOP;
        removed := removed + pass;
        EXIT WHEN pass = 0;
    END LOOP;
    -- With the rows, or a run that dies now would certify that there were none.
    UPDATE privacy_erasure e SET rows_cleared = e.rows_cleared + removed
    WHERE e.tenant_id = ended AND e.kind = 'tenant';
    RETURN removed;
END
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_clients")]

    operations = [
        migrations.AddField("settings", "retention", models.JSONField(default=dict)),
        migrations.AddField("tenant", "ended_at", models.DateTimeField(null=True)),
        definer_function(
            "ringfence_end_tenant(ended uuid, at timestamptz)",
            "bigint",
            _END,
            Role.OPERATOR,
            language="plpgsql",
        ),
    ]
