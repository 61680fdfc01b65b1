from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function

# What is older than a day goes; in its place the books begin with what it added up to, as an entry
# of each currency (without lines where all of it was nothing) that is older than all that stay.
# Nobody notes a checkpoint meanwhile: a sum of what goes would stand beside what it became.
_CARRY = """
DECLARE
    first uuid := ringfence_uuid7_floor(before::timestamp);
    most numeric := 1000000000000000;
    opening uuid;
    one record;
    gone bigint;
    removed bigint := 0;
BEGIN
    PERFORM 1 FROM accounts_tenant t WHERE t.id = living AND t.ended_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant has ended' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT 1 FROM privacy_hold h WHERE h.tenant_id = living AND h.released_at IS NULL)
    THEN
        RAISE EXCEPTION 'a legal hold lasts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM privacy_erasure o WHERE o.tenant_id = living AND o.kind = 'records'
            AND o.rule = 'ledger_days' AND o.day >= before - date '1970-01-01' - 1
    ) THEN
        RAISE EXCEPTION 'nobody ordered it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    LOCK TABLE ledger_checkpoint IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM ledger_unrated u WHERE u.tenant_id = living AND u.id < first;
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF NOT EXISTS (SELECT 1 FROM ledger_entry e
        WHERE e.tenant_id = living AND e.id < first AND e.kind <> 'carried')
    THEN
        RETURN removed;
    END IF;
    FOR one IN
        SELECT coalesce(s.currency, '') AS currency,
            coalesce(array_agg(s.id ORDER BY s.id, piece) FILTER (WHERE s.total <> 0),
                '{}') AS accounts,
            coalesce(array_agg(
                (sign(s.total) * least(most, abs(s.total) - piece * most))::bigint
                ORDER BY s.id, piece) FILTER (WHERE s.total <> 0), '{}') AS amounts
        FROM (VALUES (1)) AS always LEFT JOIN (
            SELECT a.id, a.currency, sum(l.amount_micros) AS total
            FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id
            JOIN ledger_account a ON a.id = l.account_id
            WHERE e.tenant_id = living AND e.id < first GROUP BY a.id
        ) AS s ON true
        LEFT JOIN LATERAL generate_series(0, div(greatest(abs(s.total) - 1, 0), most)) AS piece
            ON true
        GROUP BY s.currency
    LOOP
        opening := (left(first::text, 15) || substr(gen_random_uuid()::text, 16))::uuid;
        INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key,
            reference_type, reference_id, explanation, line_count)
        VALUES (opening, living, before::timestamp AT TIME ZONE 'UTC', 'carried',
            format('carried/%s/%s', one.currency, before), 'books', before::text,
            '{"rule": "carried/1"}', cardinality(one.amounts));
        INSERT INTO ledger_line (entry_id, seq, tenant_id, account_id, amount_micros)
        SELECT opening, n - 1, living, line.account, line.amount
        FROM unnest(one.accounts, one.amounts) WITH ORDINALITY AS line (account, amount, n);
    END LOOP;
    UPDATE ledger_checkpoint c SET sum_micros = c.sum_micros - s.total
    FROM (
        SELECT l.account_id, sum(l.amount_micros)::bigint AS total
        FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id
        JOIN ledger_checkpoint k ON k.account_id = l.account_id
        WHERE e.tenant_id = living AND e.id < first AND l.position <= k.position
        GROUP BY l.account_id
    ) AS s
    WHERE c.account_id = s.account_id;
    DELETE FROM ledger_line l USING ledger_entry e
    WHERE l.entry_id = e.id AND e.tenant_id = living AND e.id < first;
    GET DIAGNOSTICS gone = ROW_COUNT;
    removed := removed + gone;
    DELETE FROM ledger_entry e WHERE e.tenant_id = living AND e.id < first;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN removed + gone;
END
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_ended"),
        ("accounts", "0006_retention"),
        ("privacy", "0007_records"),
    ]

    operations = [
        migrations.RemoveConstraint("entry", "ledger_entry_kind"),
        migrations.AddConstraint(
            "entry",
            models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["top_up", "charge", "cost", "adjustment", "carried"])
                ),
                name="ledger_entry_kind",
            ),
        ),
        definer_function(
            "ringfence_carry_books(living uuid, before date)",
            "bigint",
            _CARRY,
            Role.OPERATOR,
            language="plpgsql",
        ),
    ]
