from typing import Any

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import ringfence.platform_django.clock
from ringfence.platform.database import Role
from ringfence.platform_django.operations import (
    CreatePartitioned,
    definer_function,
    enable_rls,
    grant,
)


def key_column() -> Any:
    return models.UUIDField(
        default=ringfence.platform_django.clock.new_id,
        editable=False,
        primary_key=True,
        serialize=False,
    )


def words(length: int, **options: Any) -> Any:
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.CharField(max_length=length), size=None, **options
    )


def positive(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(("requests_per_minute__gte", 1)), name=name)


KEY_LOOKUP = "ringfence_authenticate_api_key(hash bytea, at timestamptz)"
OLD_KEY_LOOKUP = definer_function(
    KEY_LOOKUP,
    """TABLE (api_key_id uuid, tenant_id uuid, scopes text[], purposes text[],
           expires_at timestamptz, last_used_at timestamptz, active boolean)""",
    """
    SELECT k.id, k.tenant_id, k.scopes::text[], k.purposes::text[], k.expires_at,
           k.last_used_at, k.tenant_id IS NULL OR t.status = 'active'
    FROM accounts_api_key k LEFT JOIN accounts_tenant t ON t.id = k.tenant_id
    WHERE k.secret_hash = hash AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > at)
    """,
    Role.APP,
)
CREDENTIAL = """credential_id uuid, tenant_id uuid, scopes text[], purposes text[],
    expires_at timestamptz, last_used_at timestamptz, networks text[], per_minute integer,
    tenant_per_minute integer, active boolean"""
DROP_REQUESTS = """
DECLARE
    part text;
    removed bigint := 0;
    gone bigint;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.accounts_request'::regclass
          AND c.relname ~ '^accounts_request_p[0-9]{6}$'
          AND c.relname < 'accounts_request_p' || to_char(start AT TIME ZONE 'UTC', 'YYYYMM')
        ORDER BY 1
    LOOP
        EXECUTE format('SELECT count(*) FROM %I', part) INTO gone;
        EXECUTE format('DROP TABLE %I', part);
        removed := removed + gone;
    END LOOP;
    DELETE FROM accounts_request WHERE id < ringfence_uuid7_floor(start AT TIME ZONE 'UTC');
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN removed + gone;
END
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_tree")]

    operations = [
        migrations.AddField("apikey", "allowed_networks", words(43, default=list)),
        migrations.AddField("apikey", "requests_per_minute", models.IntegerField(null=True)),
        migrations.AddField("tenant", "requests_per_minute", models.IntegerField(null=True)),
        migrations.AddConstraint("apikey", positive("api_key_requests_positive")),
        migrations.AddConstraint("tenant", positive("tenant_requests_positive")),
        migrations.CreateModel(
            name="OAuthClient",
            fields=[
                ("id", key_column()),
                ("tenant_id", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=120)),
                ("secret_hash", models.BinaryField()),
                ("last4", models.CharField(max_length=4)),
                ("previous_hash", models.BinaryField(null=True)),
                ("previous_last4", models.CharField(max_length=4, null=True)),
                ("previous_until", models.DateTimeField(null=True)),
                ("scopes", words(40)),
                ("purposes", words(24)),
                ("allowed_networks", words(43, default=list)),
                ("requests_per_minute", models.IntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "accounts_oauth_client",
                "indexes": [models.Index(fields=["tenant_id", "id"], name="oauth_client_tenant")],
                "constraints": [
                    positive("oauth_client_requests_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("previous_hash", None),
                            ("previous_last4", None),
                            ("previous_until", None),
                        )
                        | models.Q(
                            ("previous_hash__isnull", False),
                            ("previous_last4__isnull", False),
                            ("previous_until__isnull", False),
                        ),
                        name="oauth_client_previous",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                ("id", key_column()),
                ("tenant_id", models.UUIDField(editable=False)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="accounts.oauthclient"
                    ),
                ),
                ("token_hash", models.BinaryField(unique=True)),
                ("scopes", words(40)),
                ("issued_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "accounts_access_token",
                "indexes": [models.Index(fields=["expires_at"], name="access_token_end")],
            },
        ),
        CreatePartitioned(
            partition_by="id",
            name="RequestRecord",
            fields=[
                ("id", key_column()),
                ("tenant_id", models.UUIDField(editable=False)),
                ("credential_id", models.UUIDField()),
                ("kind", models.CharField(max_length=8)),
                ("at", models.DateTimeField()),
                ("method", models.CharField(max_length=8)),
                ("route", models.TextField()),
                ("objects_named", words(34)),
                ("status", models.SmallIntegerField()),
                ("duration_ms", models.IntegerField()),
                ("error_code", models.CharField(max_length=60)),
                ("network", models.CharField(max_length=43)),
            ],
            options={
                "db_table": "accounts_request",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="request_tenant"),
                    models.Index(
                        fields=["tenant_id", "credential_id", "id"], name="request_credential"
                    ),
                ],
            },
        ),
        enable_rls("accounts_oauth_client"),
        enable_rls("accounts_access_token"),
        enable_rls("accounts_request"),
        grant("accounts_oauth_client", Role.APP, "SELECT, INSERT, UPDATE"),
        grant("accounts_access_token", Role.APP, "SELECT, INSERT, DELETE"),
        grant("accounts_request", Role.APP, "SELECT"),
        grant("accounts_oauth_client", Role.OPERATOR, "SELECT"),
        grant("accounts_access_token", Role.OPERATOR, "SELECT, DELETE"),
        grant("accounts_request", Role.OPERATOR, "SELECT, INSERT"),
        migrations.RunSQL(f"DROP FUNCTION {KEY_LOOKUP}", OLD_KEY_LOOKUP.sql),
        definer_function(
            KEY_LOOKUP,
            f"TABLE ({CREDENTIAL})",
            """
            SELECT k.id, k.tenant_id, k.scopes::text[], k.purposes::text[], k.expires_at,
                   k.last_used_at, k.allowed_networks::text[], k.requests_per_minute,
                   t.requests_per_minute, k.tenant_id IS NULL OR t.status = 'active'
            FROM accounts_api_key k LEFT JOIN accounts_tenant t ON t.id = k.tenant_id
            WHERE k.secret_hash = hash AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > at)
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_authenticate_token(hash bytea, at timestamptz)",
            f"TABLE ({CREDENTIAL})",
            """
            SELECT c.id, c.tenant_id, k.scopes::text[], c.purposes::text[], c.expires_at,
                   c.last_used_at, c.allowed_networks::text[], c.requests_per_minute,
                   t.requests_per_minute, t.status = 'active'
            FROM accounts_access_token k
            JOIN accounts_oauth_client c ON c.id = k.client_id
            JOIN accounts_tenant t ON t.id = c.tenant_id
            WHERE k.token_hash = hash AND k.expires_at > at AND c.revoked_at IS NULL
            AND (c.expires_at IS NULL OR c.expires_at > at)
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_find_oauth_client(client uuid, at timestamptz)",
            f"TABLE ({CREDENTIAL}, hashes bytea[])",
            """
            SELECT c.id, c.tenant_id, c.scopes::text[], c.purposes::text[], c.expires_at,
                   c.last_used_at, c.allowed_networks::text[], c.requests_per_minute,
                   t.requests_per_minute, t.status = 'active',
                   CASE WHEN c.previous_until > at THEN ARRAY[c.secret_hash, c.previous_hash]
                   ELSE ARRAY[c.secret_hash] END
            FROM accounts_oauth_client c JOIN accounts_tenant t ON t.id = c.tenant_id
            WHERE c.id = client AND c.revoked_at IS NULL
            AND (c.expires_at IS NULL OR c.expires_at > at)
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_oauth_client_used(client uuid, at timestamptz)",
            "void",
            """
            BEGIN
                UPDATE accounts_oauth_client SET last_used_at = at WHERE id = client
                AND (last_used_at IS NULL OR last_used_at <= at - interval '1 minute');
            END
            """,
            Role.APP,
            language="plpgsql",
        ),
        definer_function(
            "ringfence_tenant_requests(tenant uuid)",
            "integer",
            "SELECT requests_per_minute FROM accounts_tenant WHERE id = tenant",
            Role.APP,
        ),
        definer_function(
            "ringfence_drop_requests_before(start timestamptz)",
            "bigint",
            DROP_REQUESTS,
            Role.OPERATOR,
            language="plpgsql",
        ),
    ]
