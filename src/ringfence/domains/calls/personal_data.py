"""Classification of every stored field of calls."""

from ringfence.domains.privacy.api import link_rows, not_personal, register
from ringfence.domains.privacy.contracts import (
    Category,
    Erasure,
    FieldClass,
    PersonId,
    Purpose,
    RowLink,
)
from ringfence.kernel.fields import CALL_RECORDS, SealedFieldNumber

JOURNAL, CALL, LEG, TAG, PROJECTOR = (
    "calls.JournalEvent",
    "calls.Call",
    "calls.CallLeg",
    "calls.CallTag",
    "calls.ProjectorState",
)
_USES = frozenset({Purpose.SERVICE, Purpose.BILLING, Purpose.FRAUD, Purpose.SUPPORT})


def _person(
    model: str,
    role: str,
    number: SealedFieldNumber | None,
    *,
    copy_of: tuple[SealedFieldNumber, ...] = (),
    day_of: str = "id",
) -> None:
    register(
        PersonId(model, f"{role}_id", role),
        FieldClass(
            model=model,
            field=f"{role}_sealed",
            category=Category.IDENTIFIER,
            purposes=_USES,
            retention=CALL_RECORDS,
            export=True,
            erasure=Erasure.DELETE_VALUE,
            role=role,
            number=number,
            copy_of=copy_of,
            day_of=day_of,
        ),
    )


def _clear_fact(
    model: str, field: str, *, json_keys: tuple[str, ...] = (), day_of: str = "id"
) -> FieldClass:
    """Tells where the caller's number is from, without saying which it is; so does the ``basis`` of
    a recording, which may name the state of any party: recordings clears it with each of them."""
    return FieldClass(
        model=model,
        field=field,
        category=Category.IDENTIFIER,
        purposes=_USES,
        retention=CALL_RECORDS,
        export=True,
        erasure=Erasure.CLEAR_FACT,
        role="caller",
        json_keys=json_keys,
        day_of=day_of,
    )


def _traffic(model: str, *fields: str, day_of: str = "id") -> tuple[FieldClass, ...]:
    return tuple(
        FieldClass(
            model=model,
            field=field,
            category=Category.TRAFFIC,
            purposes=_USES,
            retention=CALL_RECORDS,
            export=True,
            erasure=Erasure.KEEP_UNLINKED,
            role="either",
            day_of=day_of,
        )
        for field in fields
    )


_NUMBER = SealedFieldNumber
_person(CALL, "caller", _NUMBER.CALL_CALLER)
_person(CALL, "callee", _NUMBER.CALL_CALLEE)
_person(CALL, "captured", _NUMBER.CALL_CAPTURED)
_person(LEG, "party", _NUMBER.LEG_PARTY, day_of="call_id")
for _role, _own in (("caller", _NUMBER.CALL_CALLER), ("callee", _NUMBER.CALL_CALLEE)):
    _person(
        JOURNAL,
        _role,
        None,
        copy_of=(_own, _NUMBER.LEG_PARTY, _NUMBER.CALL_CAPTURED),
        day_of="call_id",
    )
register(
    _clear_fact(CALL, "country_code"),
    _clear_fact(CALL, "area"),
    _clear_fact(JOURNAL, "data", json_keys=("country_code", "area", "basis"), day_of="call_id"),
    *_traffic(JOURNAL, "at", "kind", day_of="call_id"),
    *_traffic(CALL, "direction", "started_at", "routed_at", "answered_at", "ended_at"),
    *_traffic(CALL, "disposition", "end_reason", "ended_by", "sip_status", "q850"),
    *_traffic(CALL, "billed_seconds", "duration_ms", "number_id", "trunk_id"),
    *_traffic(CALL, "flow_id", "flow_version", "unrecorded"),
    *_traffic(TAG, "name", "value", day_of="call_id"),  # fixed by the flow, nothing that was said
    *_traffic(
        LEG, "role", "trunk_id", "transport", "cipher", "codec", "created_at", day_of="call_id"
    ),
    *_traffic(
        LEG,
        "ringing_at",
        "answered_at",
        "bridged_at",
        "ended_at",
        "sip_status",
        "q850",
        "ended_by",
        day_of="call_id",
    ),
    *_traffic(
        LEG,
        "rx_packets",
        "tx_packets",
        "lost_packets",
        "jitter_ms",
        "rtt_ms",
        "mos",
        day_of="call_id",
    ),
)
link_rows(RowLink(TAG, "call_id", to=CALL, to_field="id"))
_ROW = "random id of a row or of the business customer"
not_personal(JOURNAL, _ROW, "call_id", "tenant_id")
not_personal(JOURNAL, "order of insertion in the installation", "seq", "position")
not_personal(CALL, _ROW, "id", "tenant_id")
not_personal(CALL, "a number of the business customer, its own; any other is sealed", "dialled")
not_personal(LEG, _ROW, "id", "tenant_id", "call_id")
not_personal(TAG, _ROW, "tenant_id", "call_id")
not_personal(PROJECTOR, "progress of the software", "name", "position")
