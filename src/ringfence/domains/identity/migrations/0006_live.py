"""What ``live`` asks of the accesses by which its streams were opened."""

from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function

# Everything that decides whether `web` gives a ticket, and nothing whose text depends on the
# settings of the session that asks: times are compared here. A row that goes ends the access.
MARKS = """
    WITH held AS (
        SELECT h.* FROM unnest(kinds, tenants, who, through, sessions) WITH ORDINALITY
            AS h (kind, tenant, who, through, session, n)
    ), known AS (
        SELECT h.n, h.tenant,
            ROW(k.id, k.tenant_id, k.scopes, k.purposes, k.allowed_networks)::text AS facts
        FROM held h JOIN accounts_api_key k ON k.id = h.who AND k.tenant_id = h.tenant
        WHERE h.kind = 'key' AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > at)
    UNION ALL
        SELECT h.n, h.tenant,
            ROW(k.id, k.scopes, c.id, c.tenant_id, c.purposes, c.allowed_networks)::text
        FROM held h JOIN accounts_access_token k ON k.id = h.through AND k.client_id = h.who
        JOIN accounts_oauth_client c ON c.id = k.client_id AND c.tenant_id = h.tenant
        WHERE h.kind = 'client' AND k.expires_at > at AND c.revoked_at IS NULL
        AND (c.expires_at IS NULL OR c.expires_at > at)
    UNION ALL
        SELECT h.n, h.tenant, ROW(u.id, u.password, m.id, m.tenant_id, m.role, m.work_location,
            r.id, r.permissions, r.purposes, r.mfa_required, p.mfa_required, p.us_staff_only, g.id,
            c.id, c.trusts_mfa)::text
        FROM held h JOIN identity_user u ON u.id = h.who AND u.is_active
        JOIN usersessions_usersession s ON s.id = h.session AND s.user_id = h.who
            AND s.last_seen_at > at - idle
        JOIN django_session d ON d.session_key = s.session_key AND d.expire_date > at
        JOIN identity_membership m ON m.user_id = h.who AND m.tenant_id IS NOT DISTINCT FROM
            CASE WHEN h.kind = 'staff' THEN NULL ELSE h.tenant END
        LEFT JOIN identity_role r ON r.id = m.custom_role_id
        LEFT JOIN accounts_settings p ON p.tenant_id = h.tenant
        LEFT JOIN identity_access_grant g ON g.id = h.through AND g.staff_id = h.who
            AND g.tenant_id = h.tenant AND NOT g.denied AND g.revoked_at IS NULL
            AND g.starts_at <= at AND g.expires_at > at
        LEFT JOIN identity_sso_connection c ON c.id = h.through AND c.tenant_id = h.tenant
            AND c.enabled
        WHERE h.kind = 'member' OR (h.kind = 'staff' AND g.id IS NOT NULL)
        OR (h.kind = 'sso' AND c.id IS NOT NULL)
    )
    SELECT k.n, substr(encode(sha256(convert_to(k.facts, 'UTF8')), 'hex'), 1, 32)::uuid
    FROM known k JOIN accounts_tenant t ON t.id = k.tenant AND t.status = 'active'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0005_person_indexes"),
        ("accounts", "0003_clients"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        definer_function(
            "ringfence_live_marks(kinds text[], tenants uuid[], who uuid[], through uuid[], "
            "sessions bigint[], at timestamptz, idle interval)",
            "TABLE (n bigint, mark uuid)",
            MARKS,
            Role.APP,
            Role.OPERATOR,
        )
    ]
