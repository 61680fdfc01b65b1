from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function, grant

# Called by the functions of other apps that remove what outlived a tenant: as the owner, who alone
# may call it.
_ENDED = """
BEGIN
    PERFORM 1 FROM accounts_tenant t WHERE t.id = ended AND t.ended_at IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant has not ended' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT 1 FROM privacy_hold h WHERE h.tenant_id = ended AND h.released_at IS NULL)
    THEN
        RAISE EXCEPTION 'a legal hold lasts' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_warned")]

    operations = [
        migrations.AddField("settings", "retention_wanted", models.JSONField(default=dict)),
        grant("accounts_settings", Role.OPERATOR, "UPDATE (retention, retention_wanted)"),
        definer_function("ringfence_check_ended(ended uuid)", "void", _ENDED, language="plpgsql"),
    ]
