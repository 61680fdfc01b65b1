"""Classification of every stored field of recordings.

The tracks themselves are sealed objects (kernel.fields.RECORDING_TRACK); what stands in rows are
facts about them.
"""

from ringfence.domains.privacy.api import link_rows, not_personal, register
from ringfence.domains.privacy.contracts import (
    Category,
    Erasure,
    FieldClass,
    PersonId,
    Purpose,
    RowLink,
)
from ringfence.kernel.fields import RECORDINGS

RECORDING, TRACK, SETTINGS = (
    "recordings.Recording",
    "recordings.RecordingTrack",
    "recordings.RecordingSettings",
)
_USES = frozenset({Purpose.SERVICE, Purpose.SUPPORT})


def _facts(
    model: str, *fields: str, erasure: Erasure = Erasure.KEEP_UNLINKED
) -> tuple[FieldClass, ...]:
    return tuple(
        FieldClass(
            model=model,
            field=field,
            category=Category.TRAFFIC,
            purposes=_USES,
            retention=RECORDINGS,
            export=True,
            erasure=erasure,
            role="either",
        )
        for field in fields
    )


register(
    PersonId(TRACK, "person_id", "speaker", item="id"),
    *_facts(RECORDING, "started_at", "ended_at", "duration_ms", "state", "deletion_reason"),
    *_facts(RECORDING, "basis", erasure=Erasure.BY_DOMAIN),  # it may name a party's state
    *_facts(RECORDING, "marks"),  # nulled by this domain when the recording is deleted
    *_facts(TRACK, "role", "duration_ms", "bytes", "samples", "complete", "state"),
)
link_rows(RowLink(RECORDING, "id", to=TRACK, to_field="recording_id"))
_ROW = "random id of a row or of the business customer"
not_personal(RECORDING, _ROW, "id", "tenant_id", "call_id")
not_personal(TRACK, _ROW, "id", "tenant_id", "recording_id", "call_id", "leg_id")
not_personal(
    RECORDING,
    "how the tenant has its calls recorded, and when the platform's own key ends",
    "rule",
    "day",
    "gap",
    "customer_keys",
    "custody",
    "analysis_until",
    "analysis_ended_at",
)
not_personal(
    SETTINGS,
    "choices of the business customer, and its public key",
    "tenant_id",
    "enabled",
    "consent_override",
    "gap",
    "prompt",
    "customer_key",
    "analysis_hours",
)
