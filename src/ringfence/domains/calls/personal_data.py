"""Classification of every stored field of calls."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose

JOURNAL, CALL, LEG, PROJECTOR = (
    "calls.JournalEvent",
    "calls.Call",
    "calls.CallLeg",
    "calls.ProjectorState",
)
_USES = frozenset({Purpose.SERVICE, Purpose.BILLING, Purpose.FRAUD, Purpose.SUPPORT})


def _identifier(model: str, field: str, role: str) -> FieldClass:
    return FieldClass(
        model=model,
        field=field,
        category=Category.IDENTIFIER,
        purposes=_USES,
        retention="call_records",
        export=True,
        erasure=Erasure.DELETE_VALUE,
        role=role,
    )


def _traffic(model: str, *fields: str) -> tuple[FieldClass, ...]:
    return tuple(
        FieldClass(
            model=model,
            field=field,
            category=Category.TRAFFIC,
            purposes=_USES,
            retention="call_records",
            export=True,
            erasure=Erasure.KEEP_UNLINKED,
            role="either",
        )
        for field in fields
    )


register(_identifier(CALL, "from_number", "caller"), _identifier(CALL, "to_number", "callee"))
register(_identifier(LEG, "from_number", "caller"), _identifier(LEG, "to_number", "callee"))
register(_identifier(JOURNAL, "data", "either"))
register(
    *_traffic(JOURNAL, "at", "kind"),
    *_traffic(CALL, "direction", "started_at", "routed_at", "answered_at", "ended_at"),
    *_traffic(CALL, "disposition", "end_reason", "ended_by", "sip_status", "q850"),
    *_traffic(CALL, "billed_seconds", "duration_ms", "number_id", "trunk_id"),
    *_traffic(LEG, "role", "trunk_id", "transport", "cipher", "codec", "created_at"),
    *_traffic(LEG, "ringing_at", "answered_at", "ended_at", "sip_status", "q850", "ended_by"),
    *_traffic(LEG, "rx_packets", "tx_packets", "lost_packets", "jitter_ms", "rtt_ms", "mos"),
)
_ROW = "random id of a row or of the business customer"
not_personal(JOURNAL, _ROW, "call_id", "tenant_id")
not_personal(JOURNAL, "order of insertion in the installation", "seq", "position")
not_personal(CALL, _ROW, "id", "tenant_id")
not_personal(LEG, _ROW, "id", "tenant_id", "call_id")
not_personal(PROJECTOR, "progress of the software", "name", "position")
