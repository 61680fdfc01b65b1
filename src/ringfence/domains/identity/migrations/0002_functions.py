from django.db import migrations

from ringfence.platform.database import Role
from ringfence.platform_django.operations import CURRENT_TENANT, definer_function

WHO = (
    "user_id uuid, email text, name_sealed bytea, person_id uuid, last_login timestamptz, "
    "mfa boolean"
)
IDENTITIES = """
    SELECT u.id, u.email::text, u.name_sealed, u.person_id, u.last_login,
           EXISTS (SELECT FROM mfa_authenticator a
                   WHERE a.user_id = u.id AND a.type <> 'recovery_codes')
    FROM identity_membership m JOIN identity_user u ON u.id = m.user_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0001_initial"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        definer_function(
            "ringfence_memberships(who uuid)",
            """TABLE (id uuid, tenant_id uuid, tenant_name text, tenant_status text, role text,
                   permissions text[], purposes text[], role_mfa boolean, tenant_mfa boolean,
                   work_location text)""",
            """
            SELECT m.id, m.tenant_id, t.name::text, t.status::text, m.role::text,
                   r.permissions::text[], r.purposes::text[], r.mfa_required, s.mfa_required,
                   m.work_location::text
            FROM identity_membership m
            LEFT JOIN accounts_tenant t ON t.id = m.tenant_id
            LEFT JOIN accounts_settings s ON s.tenant_id = m.tenant_id
            LEFT JOIN identity_role r ON r.id = m.custom_role_id
            JOIN identity_user u ON u.id = m.user_id AND u.is_active
            WHERE m.user_id = who ORDER BY m.id
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_access_grant(who uuid, tenant uuid, at timestamptz)",
            "TABLE (id uuid, us_staff_only boolean, tenant_status text)",
            """
            SELECT g.id, coalesce(s.us_staff_only, false), t.status::text
            FROM identity_access_grant g JOIN accounts_tenant t ON t.id = g.tenant_id
            LEFT JOIN accounts_settings s ON s.tenant_id = g.tenant_id
            WHERE g.staff_id = who AND g.tenant_id = tenant AND NOT g.denied
            AND g.revoked_at IS NULL AND g.starts_at <= at AND g.expires_at > at
            ORDER BY g.expires_at DESC LIMIT 1
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_find_invitation(hash bytea, at timestamptz)",
            "TABLE (id uuid, tenant_id uuid, tenant_name text)",
            """
            SELECT i.id, i.tenant_id, t.name::text
            FROM identity_invitation i LEFT JOIN accounts_tenant t ON t.id = i.tenant_id
            WHERE i.token_hash = hash AND i.accepted_at IS NULL AND i.revoked_at IS NULL
            AND i.expires_at > at AND (t.id IS NULL OR t.status = 'active')
            """,
            Role.APP,
        ),
        definer_function(
            "ringfence_member_identities()",
            f"TABLE ({WHO})",
            f"{IDENTITIES} WHERE m.tenant_id = {CURRENT_TENANT}",
            Role.APP,
        ),
        definer_function(
            "ringfence_staff_identities()",
            f"TABLE ({WHO})",
            f"{IDENTITIES} WHERE m.tenant_id IS NULL",
            Role.OPERATOR,
        ),
    ]
