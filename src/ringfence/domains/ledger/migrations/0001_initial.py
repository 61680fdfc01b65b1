from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, enable_rls, grant

_TABLES = ("account", "entry", "line", "rate_deck", "rate", "unrated", "checkpoint")
_BOOKS = ("account", "entry", "rate_deck", "rate")


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


_BALANCED = """
DECLARE
    found integer;
    wrong boolean;
BEGIN
    SELECT coalesce(sum(s.lines), 0), coalesce(bool_or(s.total <> 0), false) INTO found, wrong
    FROM (
        SELECT count(*) AS lines, sum(l.amount_micros) AS total
        FROM ledger_line l JOIN ledger_account a ON a.id = l.account_id
        WHERE l.entry_id = NEW.id GROUP BY a.currency
    ) AS s;
    IF found <> NEW.line_count THEN
        RAISE EXCEPTION 'a ledger entry has the lines that it was made with'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_complete';
    END IF;
    IF wrong THEN
        RAISE EXCEPTION 'the lines of a ledger entry add up to zero in each currency'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_zero';
    END IF;
    RETURN NULL;
END
"""
_SEQUENCE = """
BEGIN
    IF EXISTS (
        SELECT 1 FROM made JOIN ledger_entry e ON e.id = made.entry_id
        WHERE made.seq < 0 OR made.seq >= e.line_count
    ) THEN
        RAISE EXCEPTION 'a ledger entry has the lines that it was made with'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_complete';
    END IF;
    RETURN NULL;
END
"""
_MARK = """
DECLARE
    mark bigint;
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOCK TABLE ledger_line IN SHARE MODE;
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO mark
    FROM ledger_line_position_seq;
    RETURN mark;
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
                        condition=models.Q(
                            ("line_count__range", (2, 100)), ("line_count", 0), _connector="OR"
                        ),
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
                ("direction", models.CharField(max_length=8)),
                ("currency", models.CharField(max_length=3)),
                ("effective_from", models.DateTimeField()),
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
                        condition=models.Q(("direction__in", ["inbound", "outbound"])),
                        name="ledger_deck_direction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="ledger_deck_currency",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("account_id", models.UUIDField(primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("position", models.BigIntegerField()),
                ("sum_micros", models.BigIntegerField()),
            ],
            options={"db_table": "ledger_checkpoint"},
        ),
        migrations.CreateModel(
            name="UnratedUsage",
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
                ("leg_id", models.UUIDField()),
                ("call_id", models.UUIDField()),
                ("kind", models.CharField(max_length=8)),
                ("direction", models.CharField(max_length=8)),
                ("reason", models.CharField(max_length=32)),
                ("attempts", models.IntegerField()),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("state", models.CharField(max_length=16)),
                ("note", models.CharField(max_length=200, null=True)),
            ],
            options={
                "db_table": "ledger_unrated",
                "indexes": [
                    models.Index(fields=["tenant_id", "state", "id"], name="ledger_unrated_state"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "leg_id", "kind"), name="ledger_unrated_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["sell", "buy"])),
                        name="ledger_unrated_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "rated", "written_off"])),
                        name="ledger_unrated_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RatingCursor",
            fields=[
                ("name", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField()),
            ],
            options={"db_table": "ledger_cursor"},
        ),
        migrations.RunSQL(
            """
            ALTER TABLE ledger_line ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
            CREATE INDEX ledger_line_balance ON ledger_line (tenant_id, account_id, position)
                INCLUDE (amount_micros);
            """,
            "ALTER TABLE ledger_line DROP COLUMN position",
        ),
        *(enable_rls(f"ledger_{table}") for table in _TABLES),
        *(
            grant(f"ledger_{table}", role, "SELECT, INSERT")
            for table in _BOOKS
            for role in (Role.APP, Role.OPERATOR)
        ),
        *(
            grant(
                "ledger_line",
                role,
                "SELECT, INSERT (entry_id, seq, tenant_id, account_id, amount_micros)",
            )
            for role in (Role.APP, Role.OPERATOR)
        ),
        *(
            grant("ledger_account", role, "UPDATE (credit_limit_micros, low_balance_micros)")
            for role in (Role.APP, Role.OPERATOR)
        ),
        *(
            grant(
                "ledger_unrated",
                role,
                "SELECT, INSERT, UPDATE (reason, attempts, last_seen_at, state, note)",
            )
            for role in (Role.APP, Role.OPERATOR)
        ),
        grant("ledger_checkpoint", Role.APP, "SELECT"),
        grant("ledger_checkpoint", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        grant("ledger_cursor", Role.OPERATOR, "SELECT, INSERT, UPDATE"),
        _same_tenant("ledger_line", "entry_id", "ledger_entry"),
        _same_tenant("ledger_line", "account_id", "ledger_account"),
        _same_tenant("ledger_rate", "deck_id", "ledger_rate_deck"),
        _same_tenant("ledger_checkpoint", "account_id", "ledger_account"),
        # As the owner: when a transaction ends, the tenant in force may be another one or none.
        definer_function("ringfence_ledger_balanced()", "trigger", _BALANCED, language="plpgsql"),
        definer_function("ringfence_ledger_sequence()", "trigger", _SEQUENCE, language="plpgsql"),
        definer_function(
            "ringfence_ledger_mark()", "bigint", _MARK, Role.OPERATOR, language="plpgsql"
        ),
        migrations.RunSQL(
            "CREATE FUNCTION ringfence_ledger_append_only() RETURNS trigger LANGUAGE plpgsql "
            f"AS $function${_APPEND_ONLY}$function$",
            "DROP FUNCTION ringfence_ledger_append_only()",
        ),
        # An entry is judged when its transaction ends. Its lines are numbered within the count that
        # it was made with, so one that was complete then cannot get another.
        migrations.RunSQL(
            """
            CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entry
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION ringfence_ledger_balanced();
            CREATE TRIGGER sequence AFTER INSERT ON ledger_line
            REFERENCING NEW TABLE AS made
            FOR EACH STATEMENT EXECUTE FUNCTION ringfence_ledger_sequence();
            """,
            "DROP TRIGGER balanced ON ledger_entry; DROP TRIGGER sequence ON ledger_line",
        ),
        _append_only("ledger_entry"),
        _append_only("ledger_line"),
        _append_only("ledger_rate"),
        _append_only("ledger_rate_deck"),
    ]
