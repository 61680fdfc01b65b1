from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant

_TABLES = ("account", "entry", "line", "rate_deck", "rate")


def _same_tenant(table: str, column: str, other: str) -> migrations.RunSQL:
    """A reference that cannot leave its tenant."""
    name = f"{table}_{column}_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, {column}) "
        f"REFERENCES {other} (tenant_id, id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def _append_only(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION ringfence_ledger_append_only();
        """,
        f"DROP TRIGGER append_only ON {table}",
    )


def _balanced(table: str, entry: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table}
        DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION ringfence_ledger_balanced('{entry}');
        """,
        f"DROP TRIGGER balanced ON {table}",
    )


_BALANCED = """
DECLARE
    entry uuid := to_jsonb(NEW) ->> TG_ARGV[0];
    expected integer;
    found integer;
BEGIN
    SELECT line_count INTO expected FROM ledger_entry WHERE id = entry;
    SELECT count(*) INTO found FROM ledger_line WHERE entry_id = entry;
    IF found IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'a ledger entry has the lines that it was made with'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_complete';
    END IF;
    IF EXISTS (
        SELECT 1 FROM ledger_line l JOIN ledger_account a ON a.id = l.account_id
        WHERE l.entry_id = entry GROUP BY a.currency HAVING sum(l.amount_micros) <> 0
    ) THEN
        RAISE EXCEPTION 'the lines of a ledger entry add up to zero in each currency'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_zero';
    END IF;
    RETURN NULL;
END
"""
_APPEND_ONLY = """
BEGIN
    IF current_user <> 'ringfence_owner' THEN
        RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("platform", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ringfence.platform_django.clock.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("kind", models.CharField(max_length=16)),
                ("currency", models.CharField(max_length=3)),
                ("credit_limit_micros", models.BigIntegerField(default=0)),
                ("low_balance_micros", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "ledger_account",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "kind", "currency"), name="ledger_account_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant_id", "id"), name="ledger_account_tenant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["wallet", "revenue", "cost", "tax", "payable"])
                        ),
                        name="ledger_account_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="ledger_account_currency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit_limit_micros__range", (0, 1000000000000000)),
                            ("low_balance_micros__range", (-1000000000000000, 1000000000000000)),
                        ),
                        name="ledger_account_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "wallet"),
                            models.Q(("credit_limit_micros", 0), ("low_balance_micros", None)),
                            _connector="OR",
                        ),
                        name="ledger_account_wallet",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ringfence.platform_django.clock.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("occurred_at", models.DateTimeField()),
                ("kind", models.CharField(max_length=16)),
                ("idempotency_key", models.CharField(max_length=128)),
                ("reference_type", models.CharField(max_length=32)),
                ("reference_id", models.CharField(max_length=64)),
                ("explanation", models.JSONField()),
                ("line_count", models.SmallIntegerField()),
            ],
            options={
                "db_table": "ledger_entry",
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "reference_type", "reference_id", "id"],
                        name="ledger_entry_reference",
                    ),
                    models.Index(fields=["tenant_id", "kind", "id"], name="ledger_entry_of_kind"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "idempotency_key"), name="ledger_entry_idempotency"
                    ),
                    models.UniqueConstraint(fields=("tenant_id", "id"), name="ledger_entry_tenant"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["top_up", "charge", "cost", "adjustment"])
                        ),
                        name="ledger_entry_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("line_count__range", (2, 100))),
                        name="ledger_entry_lines",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entry_id",
                        "seq",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("entry_id", models.UUIDField()),
                ("seq", models.SmallIntegerField()),
                ("tenant_id", models.UUIDField()),
                ("account_id", models.UUIDField()),
                ("amount_micros", models.BigIntegerField()),
            ],
            options={
                "db_table": "ledger_line",
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "account_id"],
                        include=("amount_micros",),
                        name="ledger_line_balance",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_micros__range", (-1000000000000000, 1000000000000000)),
                            models.Q(("amount_micros", 0), _negated=True),
                        ),
                        name="ledger_line_amount",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Rate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ringfence.platform_django.clock.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("deck_id", models.UUIDField()),
                ("prefix", models.CharField(max_length=9)),
                ("price_per_minute_micros", models.BigIntegerField()),
                ("connection_fee_micros", models.BigIntegerField()),
                ("minimum_seconds", models.IntegerField()),
                ("first_seconds", models.IntegerField()),
                ("next_seconds", models.IntegerField()),
                ("effective_from", models.DateTimeField()),
                ("effective_to", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "ledger_rate",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "deck_id", "prefix", "effective_from"),
                        name="ledger_rate_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("connection_fee_micros__gte", 0),
                            ("first_seconds__gte", 1),
                            ("minimum_seconds__gte", 0),
                            ("next_seconds__gte", 1),
                            ("prefix__regex", "^[0-9]{1,9}$"),
                            ("price_per_minute_micros__gte", 0),
                        ),
                        name="ledger_rate_sane",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("effective_to", None),
                            ("effective_to__gt", models.F("effective_from")),
                            _connector="OR",
                        ),
                        name="ledger_rate_effective",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RateDeck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ringfence.platform_django.clock.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=120)),
                ("kind", models.CharField(max_length=8)),
                ("currency", models.CharField(max_length=3)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "ledger_rate_deck",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "id"), name="ledger_deck_tenant"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["sell", "buy"])), name="ledger_deck_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="ledger_deck_currency",
                    ),
                ],
            },
        ),
        *(enable_rls(f"ledger_{table}") for table in _TABLES),
        *(
            grant(f"ledger_{table}", role, "SELECT, INSERT")
            for table in _TABLES
            for role in (Role.APP, Role.OPERATOR)
        ),
        *(
            grant(table, role, f"UPDATE ({columns})")
            for table, columns in (("ledger_account", "credit_limit_micros, low_balance_micros"),)
            for role in (Role.APP, Role.OPERATOR)
        ),
        _same_tenant("ledger_line", "entry_id", "ledger_entry"),
        _same_tenant("ledger_line", "account_id", "ledger_account"),
        _same_tenant("ledger_rate", "deck_id", "ledger_rate_deck"),
        # As the owner: when a transaction ends, the tenant in force may be another one or none.
        definer_function("ringfence_ledger_balanced()", "trigger", _BALANCED, language="plpgsql"),
        migrations.RunSQL(
            "CREATE FUNCTION ringfence_ledger_append_only() RETURNS trigger LANGUAGE plpgsql "
            f"AS $function${_APPEND_ONLY}$function$",
            "DROP FUNCTION ringfence_ledger_append_only()",
        ),
        _balanced("ledger_entry", "id"),
        _balanced("ledger_line", "entry_id"),
        _append_only("ledger_entry"),
        _append_only("ledger_line"),
        _append_only("ledger_rate"),
    ]
