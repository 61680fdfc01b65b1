from django.db import migrations, models

from ringfence.platform.database import Role
from ringfence.platform_django.operations import definer_function

_SETTINGS = "ringfence_recording_settings(tenant uuid)"
OLD = definer_function(
    _SETTINGS,
    """TABLE (enabled boolean, consent_override text, gap text, prompt text,
           customer_key text)""",
    """
    SELECT s.enabled, s.consent_override, s.gap, s.prompt, s.customer_key
    FROM recordings_settings s WHERE s.tenant_id = tenant
    """,
    Role.CALLPLANE,
)


class Migration(migrations.Migration):
    dependencies = [("recordings", "0002_days")]

    operations = [
        migrations.AddField(
            "recording", "custody", models.CharField(max_length=16, db_default="platform")
        ),
        migrations.AddConstraint(
            "recording",
            models.CheckConstraint(
                name="recording_custody_known",
                condition=models.Q(custody__in=["platform", "customer"]),
            ),
        ),
        migrations.RemoveConstraint("recordingsettings", "recording_analysis_hours"),
        migrations.AddConstraint(
            "recordingsettings",
            models.CheckConstraint(
                name="recording_analysis_hours",
                condition=models.Q(analysis_hours__gte=0, analysis_hours__lte=720),
            ),
        ),
        migrations.RunSQL(f"DROP FUNCTION {_SETTINGS}", OLD.sql),
        definer_function(
            _SETTINGS,
            """TABLE (enabled boolean, consent_override text, gap text, prompt text,
                   customer_key text, analysis_hours integer)""",
            """
            SELECT s.enabled, s.consent_override, s.gap, s.prompt, s.customer_key,
                s.analysis_hours
            FROM recordings_settings s WHERE s.tenant_id = tenant
            """,
            Role.CALLPLANE,
        ),
    ]
